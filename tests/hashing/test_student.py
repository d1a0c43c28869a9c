"""The student: static embeddings in the place of the language model."""

import numpy as np
import polars as pl

from erblock.hashing.store import Extras, Model, Provenance, load_model, save_model


def test_a_saved_student_has_no_encoder_and_gives_the_same_bits(student, texts, tmp_path):
    save_model(Model(student, Provenance(("name",))), tmp_path / "student", Extras())
    files = sorted(path.name for path in (tmp_path / "student").iterdir())
    assert files == ["arrays.safetensors", "manifest.json"]
    loaded = load_model(tmp_path / "student").hasher
    ours, theirs = student.sketch(texts[0]), loaded.sketch(texts[0])
    assert (ours.hybrid.dense.codes == theirs.hybrid.dense.codes).all()
    assert (ours.buckets == theirs.buckets).all()


def test_vectors_are_unit_vectors_that_other_records_do_not_change(student, texts):
    whole = student.hybrid(texts[0]).dense
    assert np.allclose(np.linalg.norm(whole.vectors, axis=1), 1, atol=1e-5)
    assert (student.hybrid(texts[0][40:47]).dense.codes == whole.codes[40:47]).all()
    assert (student.hybrid(texts[0].reverse()).dense.codes[::-1] == whole.codes).all()


def test_on_records_it_was_taught_it_is_near_its_teacher(student, neural, texts):
    theirs = neural.encoder.encode(texts[0].to_list())
    cosines = (student.hybrid(texts[0]).dense.vectors * theirs).sum(axis=1)
    assert cosines[:100].mean() > 0.97
    constant = student.embeddings.constant / np.linalg.norm(student.embeddings.constant)
    assert 1 - cosines[100:].mean() < 0.8 * (1 - (theirs[100:] @ constant).mean())


def test_words_never_seen_leave_the_constant(student):
    constant = student.embeddings.constant / np.linalg.norm(student.embeddings.constant)
    found = student.hybrid(pl.Series(["\u0436\u0437\u0438", None, ""])).dense.vectors
    assert np.allclose(found, constant, atol=2e-3)
