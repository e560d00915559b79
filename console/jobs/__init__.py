"""Jobs a person launches, one file a job."""
