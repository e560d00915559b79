"""Tables and numbered migrations.

A migration is never edited after a release; the next one is added below it. ``VERSION`` is the number of the
last one and stands in ``PRAGMA user_version``, so that an up-to-date file is recognised without loading the
migration machinery. Links and lists have small numbers here, because they stand in millions of rows.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x4C77726E  # "Lwrn": tells our file from any other SQLite file

_M001 = """
CREATE TABLE facts (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
  name TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  account_id TEXT NOT NULL DEFAULT '',
  account_name TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL,
  findings TEXT NOT NULL DEFAULT '[]',
  details TEXT NOT NULL DEFAULT '{}',
  checked_at TEXT,
  lists_at TEXT,
  feedback_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE lists (
  no INTEGER PRIMARY KEY,
  connection TEXT NOT NULL,
  list_id TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  members INTEGER,
  system INTEGER NOT NULL DEFAULT 0,
  double_opt_in INTEGER NOT NULL DEFAULT 0,
  details TEXT NOT NULL DEFAULT '{}',
  seen_at TEXT,
  gone_at TEXT,
  mapped TEXT NOT NULL DEFAULT '',
  cursor TEXT,
  full_at TEXT,
  full_rows INTEGER,
  UNIQUE (connection, list_id)
) STRICT;

CREATE TABLE remote_fields (
  list_no INTEGER NOT NULL REFERENCES lists (no),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  kind TEXT NOT NULL,
  required INTEGER NOT NULL,
  choices TEXT NOT NULL,
  "default" TEXT NOT NULL,
  public INTEGER NOT NULL,
  field_id TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  PRIMARY KEY (list_no, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
  no INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  list_no INTEGER NOT NULL REFERENCES lists (no),
  source TEXT NOT NULL,
  mapped TEXT NOT NULL DEFAULT '',
  due_at TEXT
) STRICT;

CREATE TABLE source_reads (
  no INTEGER PRIMARY KEY,
  link_no INTEGER NOT NULL REFERENCES links (no),
  started_at TEXT NOT NULL,
  ended_at TEXT NOT NULL,
  complete INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  usable INTEGER NOT NULL,
  snapshot TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX source_reads_by_link ON source_reads (link_no, no);

CREATE TABLE listings (
  no INTEGER PRIMARY KEY,
  list_no INTEGER NOT NULL REFERENCES lists (no),
  started_at TEXT NOT NULL,
  ended_at TEXT NOT NULL,
  whole INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  opted_out INTEGER NOT NULL,
  cursor TEXT,
  origin TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX listings_by_list ON listings (list_no, no);

CREATE TABLE contacts (
  link_no INTEGER NOT NULL,
  address_key TEXT NOT NULL,
  source_id TEXT NOT NULL,
  copy INTEGER NOT NULL,
  email TEXT,
  mapped TEXT NOT NULL,
  opted_out INTEGER NOT NULL,
  consent TEXT,
  fault TEXT,
  note TEXT,
  former_key TEXT,
  due INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (link_no, address_key, source_id, copy)
) STRICT, WITHOUT ROWID;

CREATE TABLE former_addresses (
  link_no INTEGER NOT NULL,
  source_id TEXT NOT NULL,
  address_key TEXT NOT NULL,
  PRIMARY KEY (link_no, source_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  list_no INTEGER NOT NULL,
  address_key TEXT NOT NULL,
  email TEXT,
  origin_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  consent TEXT NOT NULL,
  raw_status TEXT NOT NULL,
  mapped TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  since TEXT NOT NULL,
  detail TEXT NOT NULL,
  ours INTEGER NOT NULL DEFAULT 0,
  gone TEXT,
  seen_no INTEGER NOT NULL DEFAULT 0,
  first_no INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (list_no, address_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_ours ON members (list_no, address_key) WHERE ours <> 0;
CREATE INDEX members_gone ON members (list_no, address_key) WHERE gone IS NOT NULL;

CREATE TABLE opt_outs (
  list_no INTEGER NOT NULL,
  address_key TEXT NOT NULL,
  consent TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  origin TEXT NOT NULL,
  operator TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (list_no, address_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
  no INTEGER PRIMARY KEY,
  plan_id TEXT NOT NULL UNIQUE,
  link_no INTEGER NOT NULL REFERENCES links (no),
  link TEXT NOT NULL,
  connection TEXT NOT NULL,
  list_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  digest TEXT NOT NULL,
  mode TEXT NOT NULL,
  saved INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  mails INTEGER NOT NULL,
  guards TEXT NOT NULL,
  fields TEXT NOT NULL,
  basis TEXT NOT NULL,
  operator TEXT NOT NULL,
  job_id TEXT
) STRICT;
CREATE INDEX plans_by_link ON plans (link_no, no);

CREATE TABLE plan_groups (
  plan_no INTEGER NOT NULL REFERENCES plans (no) ON DELETE CASCADE,
  first INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  class TEXT NOT NULL,
  reason TEXT NOT NULL,
  action TEXT,
  PRIMARY KEY (plan_no, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_rows (
  plan_no INTEGER NOT NULL,
  n INTEGER NOT NULL,
  address_key TEXT NOT NULL,
  email TEXT,
  source_id TEXT,
  origin_id TEXT,
  payload TEXT,
  detail TEXT,
  PRIMARY KEY (plan_no, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  no INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  connection TEXT NOT NULL,
  link TEXT NOT NULL,
  plan_id TEXT NOT NULL,
  operator TEXT NOT NULL,
  host TEXT NOT NULL,
  ssh_peer TEXT,
  options TEXT NOT NULL,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  heartbeat_at TEXT,
  pid INTEGER,
  process TEXT NOT NULL DEFAULT '',
  phase TEXT NOT NULL DEFAULT '',
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  unit TEXT NOT NULL DEFAULT '',
  phase_at TEXT,
  reason TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL DEFAULT '',
  exit_code INTEGER,
  counts TEXT NOT NULL DEFAULT '{}',
  cancel_by TEXT,
  waiting_for TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX jobs_open ON jobs (state) WHERE state NOT IN ('cancelled', 'done', 'partly', 'failed');
CREATE INDEX jobs_by_link ON jobs (link, no);

CREATE TABLE job_log (
  job_no INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at TEXT NOT NULL,
  level TEXT NOT NULL,
  text TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (job_no, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_requests (
  job_no INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  status INTEGER,
  milliseconds INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (job_no, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_files (
  job_no INTEGER NOT NULL,
  name TEXT NOT NULL,
  at TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (job_no, name)
) STRICT;

CREATE TABLE chunks (
  job_no INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  action TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  intended_at TEXT NOT NULL,
  answered_at TEXT,
  ticket TEXT NOT NULL DEFAULT '',
  polls INTEGER NOT NULL DEFAULT 0,
  folded INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (job_no, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_open ON chunks (job_no, first, last) WHERE state IN ('intended', 'accepted');

CREATE TABLE outcomes (
  job_no INTEGER NOT NULL,
  n INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  origin_id TEXT,
  raw TEXT,
  at TEXT NOT NULL,
  PRIMARY KEY (job_no, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  no INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  address_key TEXT NOT NULL,
  list_no INTEGER NOT NULL,
  link TEXT NOT NULL,
  origin TEXT NOT NULL,
  what TEXT NOT NULL,
  reason TEXT NOT NULL,
  operator TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX journal_by_address ON journal (address_key, no);
CREATE TRIGGER journal_is_append_only_update BEFORE UPDATE ON journal
BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_append_only_delete BEFORE DELETE ON journal
BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;

CREATE TABLE audit (
  no INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  job_id TEXT NOT NULL,
  operator TEXT NOT NULL,
  host TEXT NOT NULL,
  ssh_peer TEXT NOT NULL,
  what TEXT NOT NULL,
  rows INTEGER NOT NULL,
  digest TEXT NOT NULL,
  chain TEXT NOT NULL
) STRICT;

CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  fence INTEGER NOT NULL,
  job_id TEXT,
  operator TEXT,
  host TEXT,
  pid INTEGER,
  process TEXT,
  since TEXT,
  heartbeat_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE account_slots (
  account TEXT NOT NULL,
  slot INTEGER NOT NULL,
  holder TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process TEXT NOT NULL,
  purpose TEXT NOT NULL,
  heartbeat_at TEXT NOT NULL,
  PRIMARY KEY (account, slot)
) STRICT, WITHOUT ROWID;
"""

_M002 = """
ALTER TABLE members ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN moved_to TEXT NOT NULL DEFAULT '';
UPDATE members SET moved_to = substr(detail, length('moved to ') + 1), detail = ''
  WHERE gone IS NOT NULL AND detail LIKE 'moved to %';
ALTER TABLE opt_outs ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN budget TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN fields_at TEXT;
ALTER TABLE connections ADD COLUMN campaigns_at TEXT;
ALTER TABLE chunks ADD COLUMN page TEXT NOT NULL DEFAULT '';
CREATE INDEX contacts_not_confirmed ON contacts (link_no, address_key) WHERE due = 2;
ALTER TABLE links ADD COLUMN forced_at TEXT;
ALTER TABLE source_reads ADD COLUMN as_of TEXT;
ALTER TABLE source_reads ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE remote_fields ADD COLUMN system INTEGER NOT NULL DEFAULT 0;

CREATE TABLE agreed (
  link_no INTEGER NOT NULL,
  address_key TEXT NOT NULL,
  mapped TEXT NOT NULL,
  returned TEXT,
  at TEXT NOT NULL,
  PRIMARY KEY (link_no, address_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE once_in_source (
  link_no INTEGER NOT NULL,
  address_key TEXT NOT NULL,
  PRIMARY KEY (link_no, address_key)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO once_in_source (link_no, address_key) SELECT link_no, address_key FROM former_addresses;

CREATE TABLE campaigns (
  no INTEGER PRIMARY KEY,
  connection TEXT NOT NULL,
  campaign_id TEXT NOT NULL,
  name TEXT NOT NULL,
  subject TEXT NOT NULL,
  from_name TEXT NOT NULL,
  status TEXT NOT NULL,
  sent INTEGER NOT NULL,
  sent_at TEXT,
  marketing TEXT NOT NULL DEFAULT '',
  counts TEXT NOT NULL DEFAULT '{}',
  summary_at TEXT,
  cursor TEXT,
  seen_at TEXT NOT NULL,
  gone_at TEXT,
  UNIQUE (connection, campaign_id)
) STRICT;

CREATE TABLE campaign_lists (
  campaign_no INTEGER NOT NULL REFERENCES campaigns (no) ON DELETE CASCADE,
  list_no INTEGER NOT NULL REFERENCES lists (no),
  PRIMARY KEY (campaign_no, list_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE activities (
  campaign_no INTEGER NOT NULL REFERENCES campaigns (no) ON DELETE CASCADE,
  address_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  detail TEXT NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (campaign_no, address_key, kind, at, detail)
) STRICT, WITHOUT ROWID;
CREATE INDEX activities_by_address ON activities (address_key, at);
CREATE INDEX activities_by_time ON activities (campaign_no, at);
"""


def _statements(script: str) -> list[str]:
    """Cut a script where SQLite itself says a statement ends (triggers have semicolons inside)."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found


SCRIPTS = (_M001, _M002)
VERSION = len(SCRIPTS)


def migrate(database: Database) -> None:
    """Bring the file to ``VERSION``; each step is one transaction with its own record (I22)."""
    from sqlite_utils.migrations import Migrations

    steps = Migrations("listwarden")
    for number, script in enumerate(SCRIPTS, start=1):

        def step(db: Database, number: int = number, script: str = script) -> None:
            for statement in _statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")

        steps(name=f"m{number:03d}")(step)
    steps.apply(database)
