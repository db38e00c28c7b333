"""A text -> its words, as captions are compared by.

Capitals and punctuation do not count, as in the evaluation of COCO captions. Chinese and Japanese
are written without spaces, and each of their characters counts as a word, as is usual there.
"""

from __future__ import annotations

import re

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana and Chinese characters."""

WORD = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\w)+(?:['’](?:(?![{UNSPACED}])\w)+)*")


def words_of(text: str) -> list[str]:
    """`A dog's toy, 两只狗` is `a`, `dog's`, `toy`, `两`, `只`, `狗`."""
    return WORD.findall(text.lower())
