"""Dictionaries and parallel texts from packages and package lists, fetched once into the cache."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from dlspec.data import open_source
from dlspec.data.apt_lists import apt_command, languages, make_tables, paired
from dlspec.data.descriptions import tokens
from dlspec.data.fetch import folder_of, package_named, verify
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import BadDataSetting, CacheCorrupt, FetchFailed, NoClient


def test_every_word_has_one_pronunciation() -> None:
    parts = open_source("cmudict")
    assert parts.validation is not None and parts.test is not None
    every = [parts.train, parts.validation, parts.test]
    words = [str(w) for part in every for w in part["word"]]
    assert 100_000 < len(words) == len(set(words)) < 115_000
    assert all(w.isascii() and w.isalpha() and w.islower() and 2 <= len(w) <= 12 for w in words)
    said = [str(text) for part in every for text in part["phonemes"]]
    phones = Counter(p for text in said for p in text.split())
    assert len(phones) == 39 and all(p.isalpha() for p in phones)
    assert phones.most_common(1)[0][0] == "AH"
    assert sum(map(len, words)) / len(words) == pytest.approx(7.4, abs=0.3)
    known = dict(zip(words, said, strict=True))
    assert known["aardvark"] == "AA R D V AA R K" and "read" not in known


def test_pairs_of_a_family_stay_together() -> None:
    parts = open_source("descriptions")
    assert parts.validation is not None and parts.test is not None
    every = [parts.train, parts.validation, parts.test]
    # the lists follow the releases of the distribution
    assert 10_000 < sum(map(len, every)) < 60_000
    families = [set(map(str, part["family"])) for part in every]
    assert not families[0] & families[1] | families[0] & families[2] | families[1] & families[2]
    frequent = Counter(w for text in parts.train["translation"] for w in str(text).split())
    assert {"de", "pour", "bibliothèque", "d'"} <= {w for w, _ in frequent.most_common(12)}
    german = open_source("descriptions", {"language": "de"}).train
    assert "für" in str(german["translation"]) or len(german) > 5_000


def test_there_are_two_languages() -> None:
    with pytest.raises(DlspecError) as caught:
        open_source("descriptions", {"language": "tlh"})
    assert isinstance(caught.value.diagnostics[0], BadDataSetting)
    assert languages(package_named("descriptions")) == ["en", "fr", "de"]


def test_words_are_apart_from_marks() -> None:
    text = "Éditeur d’images — l'outil, qu'on aime (aujourd'hui) "
    wanted = "éditeur d' images - l' outil , qu' on aime ( aujourd ' hui )"
    assert tokens(text) == wanted == tokens(wanted)


def test_lines_are_joined_by_their_checksum(tmp_path: Path) -> None:
    """Made-up lists: of two translations the more frequent, in the order of the English lines."""
    (tmp_path / "a_Translation-en").write_text(
        "Package: b\nDescription-md5: 1\nDescription-en: Zoo  of\n more\n\n"
        "Package: c\nDescription-md5: 2\nDescription-en: Ark\n\n"
        "Package: d\nDescription-md5: 3\nDescription-en: Zoo of\n\n"
        "Package: e\nDescription-md5: 4\nDescription-en: Zoo of\n\n"
        "Package: f\nDescription-md5: 5\nDescription-en: Perl\n"
    )
    lines = {1: "Un zoo", 2: "Arche", 3: "Le zoo", 4: "Le zoo", 5: "Perl", 6: "Rien"}
    stanzas = [f"Description-md5: {k}\nDescription-fr: {v}\n Oui.\n" for k, v in lines.items()]
    (tmp_path / "b_Translation-fr").write_text("\n".join(stanzas))
    assert paired(tmp_path, "fr") == [("Ark", "Arche"), ("Zoo of", "Le zoo")]
    assert paired(tmp_path, "de") == []


def test_lists_without_translations_are_told(tmp_path: Path) -> None:
    with pytest.raises(DlspecError) as caught:
        make_tables(package_named("descriptions"), tmp_path)
    (found,) = caught.value.diagnostics
    assert isinstance(found, FetchFailed) and "Translation-fr" in str(caught.value)


def test_without_apt_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DlspecError) as caught:
        apt_command(package_named("descriptions"), tmp_path)
    assert isinstance(caught.value.diagnostics[0], NoClient)


def test_what_was_fetched_first_is_what_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_source("descriptions")
    package = package_named("descriptions")
    cached = folder_of(package)
    monkeypatch.setenv("DLSPEC_CACHE", str(tmp_path))
    shutil.copytree(cached, folder_of(package))
    assert verify(package) == folder_of(package)
    with (folder_of(package) / "fr.tsv").open("a") as file:
        file.write("one\tun\n")
    with pytest.raises(DlspecError) as caught:
        verify(package)
    assert isinstance(caught.value.diagnostics[0], CacheCorrupt)
