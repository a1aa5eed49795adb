"""The reader of blocks itself."""

from __future__ import annotations

import pytest

from tests.docs.blocks import blocks_of, same_output

TEXT = """# Title
```sh
echo 1
```
<!-- test: output mask='\\d+ ms' -->

```text
in 3 ms
```

~~~~dl
network a {}
~~~~
<!-- test: skip=picture -->
words between
```
plain
```
"""


def test_blocks() -> None:
    found = list(blocks_of(TEXT))
    assert [b.language for b in found] == ["sh", "text", "dl", ""]
    assert found[0].text == "echo 1\n"
    assert found[1].asked == {"output": "", "mask": r"\d+ ms"}
    assert found[3].asked == {}  # the comment stood before words
    assert found[0].line == 2


def test_wrong_comments_are_told() -> None:
    with pytest.raises(ValueError, match="unknown"):
        list(blocks_of("<!-- test: skpi -->\n```\n```\n"))
    with pytest.raises(ValueError, match="never ends"):
        list(blocks_of("```sh\necho\n"))


@pytest.mark.parametrize(
    ("expected", "printed", "mask", "same"),
    [
        ("a\nb", "a \nb\n", None, True),
        ("a\nb", "a\nc", None, False),
        ("a\n...\nd", "a\nb\nc\nd", None, True),
        ("a\n...\nd", "a\nd", None, True),
        ("a\n...\nd", "b\nd", None, False),
        ("a\n...\nc\n...\ne", "a\nb\nc\nd\ne", None, True),
        ("a\n...\nx\n...\ne", "a\nb\nc\nd\ne", None, False),
        ("a\n...\na", "a", None, False),
        ("in 3 ms", "in 44 ms", r"\d+ ms", True),
        ("in 3 ms", "in 44 ms", None, False),
    ],
)
def test_same_output(expected: str, printed: str, mask: str | None, same: bool) -> None:
    assert same_output(expected, printed, mask) == same
