"""Bundles on disk: whole or not there, and every damage is told."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save_file

from dlspec.bundle import (
    BundleWriter,
    EngineRecord,
    FileEntry,
    InputSpec,
    Manifest,
    Noise,
    OutputSpec,
    SpecSource,
    current_bundle,
    golden_cases,
    prune,
    read_manifest,
    read_tensors,
    trained_weights,
    verify_hashes,
    write_tensors,
)
from dlspec.bundle.manifest import ManifestError
from dlspec.bundle.reader import DIGEST, MANIFEST
from dlspec.diagnostics import DlspecError
from tests.unit.bundle import sample


def code_of(error: pytest.ExceptionInfo[DlspecError]) -> str:
    return error.value.diagnostics[0].code


# --- publishing
# ------------------------------------------------------------------------------------


def test_publish_and_read_back(tmp_path: Path) -> None:
    folder = sample.publish(tmp_path)
    assert current_bundle(tmp_path / "reader") == folder == current_bundle(folder)
    assert folder.name.startswith("0001-")
    found = verify_hashes(folder, "full")
    assert found.version == folder.name
    assert set(found.files) == {
        "model.onnx",
        "weights.safetensors",
        "model.py",
        "report.html",
        "spec/reader.dl",
        "golden.safetensors",
    }
    case = golden_cases(folder)[0]
    assert case.inputs["image"].dtype == np.uint8
    np.testing.assert_array_equal(case.outputs["logits"], sample.answer(sample.images(3))["logits"])


def test_a_second_version_replaces_the_first_as_current(tmp_path: Path) -> None:
    first, second = sample.publish(tmp_path), sample.publish(tmp_path)
    assert [p.name.split("-")[0] for p in (first, second)] == ["0001", "0002"]
    assert current_bundle(tmp_path / "reader") == second
    assert first.is_dir()


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    folder = sample.publish(tmp_path)
    before = sorted(p.name for p in folder.parent.iterdir())
    with pytest.raises(ZeroDivisionError), BundleWriter(tmp_path, "reader") as bundle:
        bundle.add_text("a", "b")
        raise ZeroDivisionError
    assert sorted(p.name for p in folder.parent.iterdir()) == before


_KILLED = """
import os, signal, sys, pathlib
sys.path.insert(0, {repo!r})
from dlspec.bundle import writer
from tests.unit.bundle import sample
step, count = {step!r}, 0
real = writer._flush
def flush(path):
    global count
    count += 1
    if count == step:
        os.kill(os.getpid(), signal.SIGKILL)
    real(path)
writer._flush = flush
sample.publish(pathlib.Path({root!r}))
print("published", count)
"""


def _publish_killed(root: Path, step: int) -> subprocess.CompletedProcess[str]:
    repo = str(Path(__file__).parents[3])
    text = _KILLED.format(repo=repo, root=str(root), step=step)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_kill_at_any_flush_leaves_a_whole_bundle(tmp_path: Path) -> None:
    old = sample.publish(tmp_path)
    root = tmp_path / "reader"
    done = _publish_killed(tmp_path, -1)
    total = int(done.stdout.split()[1])
    newest = current_bundle(root)
    for step in (1, total // 2, total - 3, total - 2, total - 1, total):
        killed = _publish_killed(tmp_path, step)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        newest = max(newest, current_bundle(root))
        verify_hashes(root, "full")
        verify_hashes(old, "full")
    last = sample.publish(tmp_path)  # goes on, and sweeps up
    assert current_bundle(root) == last
    assert not [p for p in root.iterdir() if p.name.startswith(".writing")]
    for version in root.glob("0*"):
        verify_hashes(version, "full")


def test_publishers_beside_each_other(tmp_path: Path) -> None:
    threads = [threading.Thread(target=sample.publish, args=(tmp_path,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = sorted(p.name for p in (tmp_path / "reader").glob("0*"))
    assert [v.split("-")[0] for v in versions] == [f"{n:04d}" for n in range(1, 7)]
    assert current_bundle(tmp_path / "reader").name == versions[-1]


def test_prune_keeps_the_current_one(tmp_path: Path) -> None:
    versions = [sample.publish(tmp_path) for _ in range(4)]
    (tmp_path / "reader" / "current").write_text(versions[0].name + "\n")
    assert prune(tmp_path / "reader", keep=2) == [versions[1]]
    assert [v.is_dir() for v in versions] == [True, False, True, True]


def test_trained_weights_are_found_and_fresh_ones_are_not(tmp_path: Path) -> None:
    assert trained_weights(tmp_path / "reader") is None
    sample.publish(tmp_path, trained=False)
    assert trained_weights(tmp_path / "reader") is None
    sample.publish(tmp_path, training={"epochs": 3})
    found = trained_weights(tmp_path / "reader")
    assert found is not None
    assert found[0].training == {"epochs": 3}
    np.testing.assert_array_equal(found[1]["dense.bias"], sample.weights()["dense.bias"])


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a\\b", "c:x", "a/./b", "nul\0"])
def test_names_that_lead_out_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(DlspecError) as error, BundleWriter(tmp_path, "reader") as bundle:
        bundle.add_text(name, "x")
    assert code_of(error) == "DL639"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DlspecError) as error, BundleWriter(tmp_path / "file", "reader"):
        pass
    assert code_of(error) == "DL637"


# --- damage
# ----------------------------------------------------------------------------------------


def _all_files(root: Path) -> list[str]:
    folder = sample.publish(root)
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_changed_byte_in_every_file_is_found(tmp_path: Path) -> None:
    names = _all_files(tmp_path / "names")
    assert {MANIFEST, DIGEST} < set(names)
    for name in names:
        folder = sample.publish(tmp_path / name.replace("/", "_"))
        file = folder / name
        for position in (0, file.stat().st_size // 2, file.stat().st_size - 2):
            good = file.read_bytes()
            bad = bytearray(good)
            bad[max(position, 0)] ^= 1
            file.write_bytes(bad)
            with pytest.raises(DlspecError) as error:
                verify_hashes(folder, "quick")
            assert code_of(error) in ("DL631", "DL632", "DL634"), (name, position)
            file.write_bytes(good)
        verify_hashes(folder, "full")


def test_cut_short_missing_and_added_files(tmp_path: Path) -> None:
    for name in _all_files(tmp_path / "names"):
        folder = sample.publish(tmp_path / name.replace("/", "_"))
        file = folder / name
        data = file.read_bytes()
        file.write_bytes(data[:-1])
        with pytest.raises(DlspecError) as error:
            verify_hashes(folder, "quick")
        assert code_of(error) in ("DL631", "DL634")
        file.unlink()
        with pytest.raises(DlspecError) as error:
            verify_hashes(folder, "quick")
        assert code_of(error) in ("DL630", "DL633")
        file.write_bytes(data)
        (folder / "extra.txt").write_text("x")
        with pytest.raises(DlspecError, match=r"extra\.txt"):
            verify_hashes(folder, "full")


def _rewritten(folder: Path, **changes: object) -> None:
    """A manifest changed with its digest made to fit, as a stranger could."""
    import hashlib

    raw = json.loads((folder / MANIFEST).read_text())
    raw.update(changes)
    text = json.dumps(raw).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / DIGEST).write_text(hashlib.sha256(text).hexdigest() + f"  {MANIFEST}\n")


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "a/../../b", "c:\\x"])
def test_names_in_a_foreign_manifest_do_not_lead_out(tmp_path: Path, name: str) -> None:
    folder = sample.publish(tmp_path)
    _rewritten(folder, files={name: {"size": 1, "sha256": "0" * 64}})
    with pytest.raises(DlspecError) as error:
        verify_hashes(folder)
    assert code_of(error) == "DL635"


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
def test_links_do_not_lead_out(tmp_path: Path) -> None:
    folder = sample.publish(tmp_path)
    (tmp_path / "secret").write_bytes((folder / "model.py").read_bytes())
    (folder / "model.py").unlink()
    (folder / "model.py").symlink_to(tmp_path / "secret")
    with pytest.raises(DlspecError) as error:
        verify_hashes(folder)
    assert code_of(error) == "DL635"


def test_newer_schema_is_told_with_its_writer(tmp_path: Path) -> None:
    folder = sample.publish(tmp_path)
    _rewritten(folder, schema=2, dlspec="9.1")
    with pytest.raises(DlspecError, match=r"9\.1") as error:
        read_manifest(folder)
    assert code_of(error) == "DL632"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', "\x00", "[" * 100_000])
def test_foreign_manifests(tmp_path: Path, text: str) -> None:
    folder = sample.publish(tmp_path)
    (folder / MANIFEST).write_text(text)
    with pytest.raises(DlspecError) as error:
        read_manifest(folder)
    assert code_of(error) == "DL631"


def test_no_bundle_says_what_is_near(tmp_path: Path) -> None:
    sample.publish(tmp_path)
    with pytest.raises(DlspecError, match="reader") as error:
        current_bundle(tmp_path / "raeder")
    assert code_of(error) == "DL630"
    (tmp_path / "reader" / "current").write_text("../../etc\n")
    with pytest.raises(DlspecError, match="names no version"):
        current_bundle(tmp_path / "reader")


# --- manifest
# --------------------------------------------------------------------------------------

_TEXT = st.text(max_size=6)
_DIMS = st.lists(st.sampled_from(["N", "28", "2*T + 1"]), max_size=3).map(tuple)
_CLASSES = st.none() | st.lists(_TEXT, max_size=3).map(tuple)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _FLOATS | _TEXT, lambda v: st.lists(v, max_size=2)
)
_INPUTS = st.builds(
    InputSpec,
    _TEXT,
    _TEXT,
    _DIMS,
    _CLASSES,
    st.sampled_from(["data", "noise", "lengths"]),
    st.none() | st.builds(Noise, _TEXT, st.lists(_FLOATS, max_size=2).map(tuple)),
    st.none() | _TEXT,
    st.none() | _TEXT,
    st.none() | st.integers(),
    st.sampled_from([None, "black", "white", "own"]),
)
_ENGINES = st.builds(
    EngineRecord,
    _TEXT,
    _TEXT,
    _TEXT,
    precision=_TEXT,
    status=st.sampled_from(["verified", "failed", "awaits-device", "unverified"]),
    bounds=st.dictionaries(_TEXT, st.tuples(st.integers(), st.integers()), max_size=2),
    outputs=st.lists(_TEXT, max_size=2).map(tuple),
    golden=st.dictionaries(_TEXT, _FLOATS, max_size=2),
    verdicts=st.dictionaries(_TEXT, _JSON, max_size=2),
    fallback=st.none() | _TEXT,
)
_MANIFESTS = st.builds(
    Manifest,
    _TEXT,
    _TEXT,
    st.none() | st.builds(SpecSource, _TEXT, _TEXT),
    st.lists(_INPUTS, max_size=2).map(tuple),
    st.lists(st.builds(OutputSpec, _TEXT, _TEXT, _DIMS, _CLASSES), max_size=2).map(tuple),
    st.lists(_ENGINES, max_size=2).map(tuple),
    st.booleans(),
    st.dictionaries(_TEXT, _JSON, max_size=2),
    files=st.dictionaries(_TEXT, st.builds(FileEntry, st.integers(), _TEXT), max_size=2),
)


@given(_MANIFESTS)
@settings(max_examples=60, deadline=None)
def test_manifest_round_trip(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest


@given(_MANIFESTS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_malformed_manifest_never_raises_anything_else(
    manifest: Manifest, data: st.DataObject
) -> None:
    raw = json.loads(manifest.to_json())
    raw[data.draw(st.sampled_from(sorted(raw)))] = data.draw(_JSON)
    try:
        Manifest.from_json(json.dumps(raw))
    except ManifestError:
        return


def test_numpy_and_nan_in_verdicts(tmp_path: Path) -> None:
    found = dataclasses.replace(
        sample.manifest(),
        training={"loss": np.float32(0.5), "worst": float("nan"), "n": np.int64(2)},
    )
    assert Manifest.from_json(found.to_json()).training == {"loss": 0.5, "worst": "nan", "n": 2}


# --- safetensors
# -----------------------------------------------------------------------------------

_ARRAYS = st.sampled_from(
    ["float32", "float64", "float16", "int64", "int32", "uint8", "int8", "bool"]
).flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda n: n != "__metadata__"), _ARRAYS, max_size=4
    )
)
@settings(max_examples=50, deadline=None)
def test_safetensors_both_ways(tensors: dict[str, np.ndarray]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.safetensors"
        with path.open("wb") as file:
            slots = write_tensors(file, tensors)
        data = path.read_bytes()
        ours, library = read_tensors(path), load_file(path)
        for name, array in tensors.items():
            for found in (ours[name], library[name]):
                assert found.dtype == array.dtype and found.shape == array.shape
                assert found.tobytes() == array.tobytes()
            slot = slots[name]
            assert data[slot.offset : slot.offset + slot.length] == array.tobytes()
            assert slot.offset % array.dtype.itemsize == 0
        assert set(ours) == set(library) == set(tensors)


def test_reads_what_the_library_writes(tmp_path: Path) -> None:
    save_file(sample.weights(), tmp_path / "w.safetensors", {"a": "b"})
    found = read_tensors(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(found["dense.weight"], sample.weights()["dense.weight"])


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file as save

    values = torch.tensor([1.0, -2.5, 3e38, float("inf")]).to(torch.bfloat16)
    save({"x": values}, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(
        read_tensors(tmp_path / "w.safetensors")["x"], values.float().numpy()
    )


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_foreign_tensor_files(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.safetensors"
        path.write_bytes(data)
        with pytest.raises(DlspecError) as error:
            read_tensors(path)
        assert code_of(error) == "DL638"


@pytest.mark.parametrize("cut", [0, 7, 8, 40, 200, -1])
def test_tensor_files_cut_short(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        write_tensors(file, sample.weights())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DlspecError) as error:
        read_tensors(path)
    assert code_of(error) == "DL638"
