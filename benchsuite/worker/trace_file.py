"""Reading a profiler's trace event by event: it may be larger than memory, or torn off in the middle."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENTS = 1_000_000
CHUNK_CHARS = 1 << 20
LONGEST_EVENT_CHARS = 4 * CHUNK_CHARS
"""What is longer than this is no event: something in it is not JSON."""
EVENTS = re.compile(r'"traceEvents"\s*:\s*\[')
SEPARATORS = re.compile(r"[\s,]*")
EVENT_MARK = '"ph"'
"""A key that each event has once."""


@dataclass(slots=True)
class TraceReader:
    """Yields the events of a trace in Chrome's JSON format; when it is through, `dropped` says how many it left out."""

    source: IO[str]
    max_events: int = MAX_EVENTS
    chunk_chars: int = CHUNK_CHARS
    dropped: int = 0
    """Events beyond the limit, and what stands from a tear on: at least 1 for a trace that is not whole."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        decoder = json.JSONDecoder()
        text, position = self._text_from_events_on(), 0
        left = self.max_events
        while True:
            position = _end_of(SEPARATORS, text, position)
            if position == len(text):
                text, position = self.source.read(self.chunk_chars), 0
                if not text:
                    break
                continue
            if text[position] == "]":
                return
            if not left:
                break
            try:
                event, position = decoder.raw_decode(text, position)
            except ValueError:
                chunk = ""
                if len(text) - position < LONGEST_EVENT_CHARS:
                    chunk = self.source.read(self.chunk_chars)
                if not chunk:
                    break
                text, position = text[position:] + chunk, 0
                continue
            left -= 1
            yield event
        self.dropped = max(1, self._count_from(text[position:]))

    def _text_from_events_on(self) -> str:
        """Read until the events begin; a file that ends before that leaves nothing."""
        text = ""
        while chunk := self.source.read(self.chunk_chars):
            text += chunk
            if begin := EVENTS.search(text):
                return text[begin.end() :]
        return ""

    def _count_from(self, text: str) -> int:
        count = 0
        while True:
            count += text.count(EVENT_MARK)
            chunk = self.source.read(self.chunk_chars)
            if not chunk:
                return count
            # The mark may lie across two chunks.
            text = text[1 - len(EVENT_MARK) :] + chunk


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
