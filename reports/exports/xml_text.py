"""Texts of any content as XML 1.0 can hold them, and names by which CI servers tell test cases apart."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as ET

LONGEST_NAME: Final = 400
FORBIDDEN: Final = re.compile("[^\t\n\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 allows in no form."""


def document(root: ET.Element) -> str:
    """Return a whole document, indented."""
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def xml_text(text: str) -> str:
    """Return a text without the characters that XML forbids."""
    return FORBIDDEN.sub("", text)


def case_name(text: str) -> str:
    """Return a name by which a CI server tells test cases apart from run to run: whole, or cut and with a hash of the whole."""
    shown = xml_text(text)
    if len(shown) <= LONGEST_NAME:
        return shown or "gate"
    digest = hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()[:8]
    return f"{shown[:LONGEST_NAME]}… {digest}"


def timestamp(text: str) -> str:
    """Return a time as the schema of JUnit's XML wants it, without a zone; empty where it is none."""
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return ""
