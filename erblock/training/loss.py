"""The Neural-LSH loss with an optional ranking term."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_FAR = 1e4


def pairwise_distance(similarity: Tensor) -> Tensor:
    """Return the Euclidean distance of unit vectors with these dot products, sqrt(2 - 2 s)."""
    return (2 - 2 * similarity).clamp_min(1e-8).sqrt()


def nlsh(positive: Tensor, negative: Tensor, radius: float, separation: float) -> Tensor:
    """Return the mean Neural-LSH loss of distances to similar and dissimilar records.

    The loss is max(R, d(p, q)) - min(c R, d(p, r)); it is (1 - c) R when every match lies inside R and every
    non-match beyond c R (Neural LSH, arXiv 2401.18064). R is `radius`, c is `separation`.
    """
    return (positive.clamp_min(radius) - negative.clamp_max(separation * radius)).mean()


class NLSHLoss(nn.Module):
    """The Neural-LSH loss over triplets, with in-batch negatives and an optional ranking term.

    Inputs:
        Texts: (anchor, positive, negative) triplets. Labels: none.

    Every other positive and every negative of the batch is a negative too, unless `forbidden` says that the
    two are, or may be, the same. The loss pushes away the nearest negative. `ranking` is the weight of
    InfoNCE over the same negatives: the Neural-LSH loss alone does not change once a match lies inside the
    radius.
    """

    def __init__(
        self,
        model: nn.Module,
        radius: float = 0.4,
        separation: float = 2.5,
        ranking: float = 1.0,
        scale: float = 40.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.radius = radius
        self.separation = separation
        self.ranking = ranking
        self.scale = scale

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None = None) -> Tensor:
        """Return the loss of one batch of tokenised triplets; `labels` is not used."""
        del labels
        embeddings = [self.model(features)["sentence_embedding"] for features in sentence_features]
        anchors, *others = (functional.normalize(vectors, dim=1) for vectors in embeddings)
        return self.of_similarities(anchors @ torch.cat(others).T)

    def of_similarities(
        self, cosine: Tensor, forbidden: Tensor | None = None, joined: Tensor | None = None
    ) -> Tensor:
        """Return the loss of a (batch, candidates) matrix of dot products of unit vectors.

        Candidate i is the positive of anchor i; others are negatives where `forbidden` does not mark them.
        `joined`: similarities that include other evidence, from which the ranking term is computed if they
        are given.
        """
        batch = len(cosine)
        blocked = torch.zeros_like(cosine, dtype=torch.bool) if forbidden is None else forbidden.clone()
        blocked[:, :batch].fill_diagonal_(fill_value=True)
        positive = pairwise_distance(cosine[:, :batch].diagonal())
        competitors = pairwise_distance(cosine.masked_fill(blocked, -1.0))
        nearest = torch.minimum(competitors.min(dim=1).values, competitors[:, :batch].min(dim=0).values)
        loss = nlsh(positive, nearest, self.radius, self.separation)
        if self.ranking:
            loss = loss + self.ranking * self._ranking(cosine if joined is None else joined, blocked)
        return loss

    def _ranking(self, similarity: Tensor, blocked: Tensor) -> Tensor:
        """Return InfoNCE of the anchors against all candidates and of the positives against all anchors."""
        batch = len(similarity)
        positive = similarity[:, :batch].diagonal()
        own = (self.scale * positive).unsqueeze(1)
        competitors = (self.scale * similarity).masked_fill(blocked, -_FAR)
        target = torch.zeros(batch, dtype=torch.long, device=similarity.device)
        there = functional.cross_entropy(torch.cat([own, competitors], dim=1), target)
        back = functional.cross_entropy(torch.cat([own, competitors[:, :batch].T], dim=1), target)
        return (there + back) / 2

    def get_config_dict(self) -> dict[str, Any]:
        """Return the loss's options, as sentence-transformers' model cards show them."""
        names = ("radius", "separation", "ranking", "scale")
        return {name: getattr(self, name) for name in names}
