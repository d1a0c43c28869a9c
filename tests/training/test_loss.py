"""The Neural-LSH loss, against its formula worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from erblock.training.loss import NLSHLoss, nlsh, pairwise_distance

R, C = 0.4, 2.5
distances = st.floats(0, 2)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def loss_of(similarity, forbidden=None, **options):
    wanted = {"radius": R, "separation": C, "ranking": 0.0, **options}
    return NLSHLoss(torch.nn.Identity(), **wanted).of_similarities(similarity, forbidden)


def far(similarity):
    return math.sqrt(2 - 2 * similarity)


@given(
    st.lists(st.tuples(distances, distances), min_size=1, max_size=5), st.floats(0.1, 1), st.floats(1.1, 4)
)
def test_it_is_the_mean_of_the_formula(pairs, radius, separation):
    wanted = [max(radius, d) - min(separation * radius, e) for d, e in pairs]
    positive, negative = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    assert float(nlsh(positive, negative, radius, separation)) == pytest.approx(sum(wanted) / len(wanted))


@given(st.lists(st.tuples(distances, distances), min_size=1, max_size=5))
def test_it_is_never_below_the_value_of_a_perfect_hash(pairs):
    positive, negative = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    assert float(nlsh(positive, negative, R, C)) >= (1 - C) * R - 1e-9


def test_a_match_inside_the_radius_and_a_non_match_outside_pull_no_more():
    positive, negative = tensor(0.1, 0.39), tensor(1.01, 1.9)
    loss = nlsh(positive, negative, R, C)
    loss.backward()
    assert loss.item() == pytest.approx((1 - C) * R)
    assert positive.grad.tolist() == [0, 0]
    assert negative.grad.tolist() == [0, 0]


def test_a_match_outside_is_pulled_and_a_non_match_inside_is_pushed():
    positive, negative = tensor(0.5, 1.2), tensor(0.99, 0.1)
    nlsh(positive, negative, R, C).backward()
    assert positive.grad.tolist() == [0.5, 0.5]
    assert negative.grad.tolist() == [-0.5, -0.5]


@given(st.floats(-1, 1))
def test_distance_is_that_of_unit_vectors(cosine):
    one, other = (1.0, 0.0), (cosine, math.sqrt(1 - cosine**2))
    found = float(pairwise_distance(torch.tensor(cosine, dtype=torch.float64)))
    assert found == pytest.approx(math.dist(one, other), abs=2e-4)


def test_equal_vectors_have_a_finite_gradient():
    similarity = tensor(1.0)
    pairwise_distance(similarity).sum().backward()
    assert similarity.grad.isfinite().all()


def test_one_triplet_is_the_formula_of_its_two_distances():
    found = loss_of(torch.tensor([[0.7, 0.6]], dtype=torch.float64))
    assert float(found) == pytest.approx(max(R, far(0.7)) - min(C * R, far(0.6)))


def test_the_nearest_of_the_batch_is_the_negative():
    # The other's positive (0.8) is nearer to both than their own negatives.
    similarity = tensor([0.9, 0.8, 0.1, 0.2], [0.8, 0.7, 0.3, 0.1])
    wanted = [max(R, far(own)) - min(C * R, far(0.8)) for own in (0.9, 0.7)]
    loss = loss_of(similarity)
    loss.backward()
    assert loss.item() == pytest.approx(sum(wanted) / 2)
    assert similarity.grad[0, 1] > 0
    assert similarity.grad[1, 0] > 0
    assert (similarity.grad[:, 2:] == 0).all()


def test_so_is_the_negative_of_another_triplet():
    similarity = tensor([0.9, 0.1, 0.2, 0.85], [0.1, 0.9, 0.85, 0.2])
    loss = loss_of(similarity)
    loss.backward()
    assert similarity.grad[0, 3] > 0
    assert similarity.grad[1, 2] > 0


@pytest.mark.parametrize("ranking", [0.0, 1.0])
def test_what_is_or_may_be_the_same_is_never_pushed_apart(ranking):
    torch.manual_seed(0)
    similarity = (0.9 * torch.rand(4, 8, dtype=torch.float64)).requires_grad_()
    forbidden = torch.rand(4, 8) < 0.4
    forbidden[0] = True  # An anchor without any negative.
    given_mask = forbidden.clone()
    loss_of(similarity, forbidden, ranking=ranking).backward()
    assert similarity.grad.isfinite().all()
    own = torch.zeros(4, 8, dtype=torch.bool)
    own[:, :4].fill_diagonal_(True)
    assert (similarity.grad[forbidden & ~own] == 0).all()
    assert (similarity.grad[own] <= 0).all()
    assert (similarity.grad[~forbidden & ~own] >= 0).all()
    assert (forbidden == given_mask).all()


def test_an_anchor_whose_others_are_all_forbidden_is_only_pulled():
    similarity = torch.tensor([[0.5, 0.99]], dtype=torch.float64)
    found = loss_of(similarity, torch.tensor([[False, True]]))
    assert float(found) == pytest.approx(far(0.5) - C * R)


def test_the_ranking_term_still_cares_inside_the_radius():
    similarity = tensor([0.95, 0.94, 0.1, 0.1], [0.94, 0.95, 0.1, 0.1])
    plain, ranked = loss_of(similarity), loss_of(similarity, ranking=1.0)
    (ranked - plain).backward()
    assert (similarity.grad[:, :2].diagonal() < 0).all()
    # Both directions of InfoNCE at scale 40, among the other's positive and two negatives.
    there = math.log(1 + math.exp(40 * (0.94 - 0.95)) + 2 * math.exp(40 * (0.1 - 0.95)))
    back = math.log(1 + math.exp(40 * (0.94 - 0.95)))
    assert (ranked - plain).item() == pytest.approx((there + back) / 2, rel=1e-6)


def test_its_weight_counts():
    similarity = torch.rand(3, 6)
    none, half, whole = (float(loss_of(similarity, ranking=weight)) for weight in (0.0, 0.5, 1.0))
    assert half == pytest.approx((none + whole) / 2, rel=1e-5)


@pytest.mark.parametrize("negatives", [0, 1, 2])
def test_it_follows_the_convention_of_sentence_transformers(negatives, fresh_encoder):
    model = fresh_encoder.model
    loss = NLSHLoss(model)
    columns = [["red chair", "blue table"], ["chair, red", "table, blue"]]
    columns += [["green lamp", "black car"]] * negatives
    features = [model.preprocess(column) for column in columns]
    model.eval()
    value = loss(features, labels=None)
    value.backward()
    grads = [parameter.grad for parameter in loss.parameters() if parameter.grad is not None]
    assert grads
    assert any(float(grad.abs().sum()) > 0 for grad in grads)
    vectors = [fresh_encoder.forward(column) for column in columns]
    wanted = loss.of_similarities(vectors[0] @ torch.cat(vectors[1:]).T)
    assert value.item() == pytest.approx(wanted.item(), abs=1e-5)


def test_its_options_are_told(fresh_encoder):
    loss = NLSHLoss(fresh_encoder.model, radius=0.3, separation=3, ranking=0.5, scale=20)
    assert loss.get_config_dict() == {"radius": 0.3, "separation": 3, "ranking": 0.5, "scale": 20}
