"""The steps from text to ids are those that `dlspec/bundle/README.md` tells: another language,
which has only the manifest, makes the same ids."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dlspec.data.vocabularies import fitted
from dlspec.ir.data_plan import VocabularyPlan
from dlspec.text import PIECES, encoded, encoded_within

PROGRAM = Path(__file__).with_name("encode.mjs")
TEXTS = [
    "to be or  not",
    "naïve 北京 𝒳y",
    "",
    " a\tb ",
    "unseen zebra",
    "one\n\ntwo three\r\n",
    "a\x1cb\ufeffc\u2003d\x85e\u200bf\u2028g",
]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("by", PIECES)
def test_javascript_makes_the_same_ids(by: str, nested: bool) -> None:
    node = shutil.which("node")
    if node is None:
        assert not os.environ.get("CI"), "node is missing"
        pytest.skip("node is missing")
    plan = VocabularyPlan("d.v", "text", by, 60)  # type: ignore[arg-type]
    words = fitted(plan, TEXTS[:4])
    ids = {word: i for i, word in enumerate(words)}
    task = {"classes": words, "by": by, "nested": nested, "texts": TEXTS}
    done = subprocess.run(
        [node, str(PROGRAM)], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    told = [(encoded_within if nested else encoded)(text, by, ids) for text in TEXTS]
    assert json.loads(done.stdout) == told
