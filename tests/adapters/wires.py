"""A wire that waits for nothing and remembers everything, for tests of transports and adapters."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.provider import RequestNote, Wire

USER_AGENT = "listwarden/0.1 (job 17; fence 4)"


@dataclass
class Recorder:
    """What a transport told: requests, sentences, seconds it would have waited."""

    notes: list[RequestNote] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    hooks: int = 0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def before(self) -> None:
        self.hooks += 1

    def wire(self, *, read_only: bool = False, connections: int = 8) -> Wire:
        return Wire(
            USER_AGENT,
            read_only=read_only,
            before_request=self.before,
            on_request=self.notes.append,
            on_wait=self.told.append,
            sleep=self.sleep,
            connections=connections,
        )
