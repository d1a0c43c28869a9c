"""Distillation: learns static embeddings of features whose sums approximate a language model's vectors.

Ridge regression from TF-IDF rows to vectors, solved by conjugate gradients with Jacobi's preconditioner
(Golub and Van Loan, Matrix Computations, 11.5), in blocks of columns on all cores.

Decision: docs/decisions/013-student.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from erblock.hashing.codes import codes_and_scales
from erblock.hashing.parallel import in_parallel
from erblock.hashing.student import StaticEmbeddings

Floats = npt.NDArray[np.float32]
_COLUMNS = 64


@dataclass(frozen=True)
class DistillOptions:
    """The options of distillation.

    `ridge`: the penalty of the ridge regression. `least_records`: a feature in fewer records gets no
    embedding. `rounds`: the number of iterations of conjugate gradients.
    """

    ridge: float = 0.1
    least_records: int = 2
    rounds: int = 12


def distill_embeddings(tfidf: sparse.csr_array, vectors: Floats, options: DistillOptions) -> StaticEmbeddings:
    """Return embeddings with which these (records, features) rows approximate (records, width) vectors."""
    counts = np.bincount(tfidf.indices, minlength=tfidf.shape[1])
    features = np.flatnonzero(counts >= options.least_records).astype(np.int32)
    known = sparse.csr_array(tfidf[:, features])
    constant = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    left = vectors - constant
    system = _System(known, sparse.csr_array(known.T), options)
    blocks = [left[:, at : at + _COLUMNS] for at in range(0, left.shape[1], _COLUMNS)]
    embeddings = np.hstack(list(in_parallel(system.solve, blocks)))
    return StaticEmbeddings(features, *codes_and_scales(embeddings), constant)


@dataclass(frozen=True)
class _System:
    """The normal equations of a ridge regression.

    `rows`: the (records, features) matrix. `columns`: the transpose of this matrix.
    """

    rows: sparse.csr_array
    columns: sparse.csr_array
    options: DistillOptions

    def solve(self, wanted: Floats) -> Floats:
        """Return the (features, width) weights that approximate the wanted (records, width) vectors."""
        rest = self.columns @ np.ascontiguousarray(wanted)
        squares = np.asarray(self.rows.multiply(self.rows).sum(axis=0)).ravel()
        inverse = (1 / (squares + self.options.ridge)).astype(np.float32)[:, None]
        found, step = np.zeros_like(rest), inverse * rest
        height = _dots(rest, step)
        for _ in range(self.options.rounds):
            bent = self.columns @ (self.rows @ step) + np.float32(self.options.ridge) * step
            length = height / np.maximum(_dots(step, bent), np.float32(1e-20))
            found += length * step
            rest -= length * bent
            before, height = height, _dots(rest, inverse * rest)
            step = inverse * rest + height / np.maximum(before, np.float32(1e-20)) * step
        return np.asarray(found, dtype=np.float32)


def _dots(left: Floats, right: Floats) -> Floats:
    """Return the dot product of each column of `left` with the same column of `right`."""
    return np.asarray((left * right).sum(axis=0), dtype=np.float32)
