"""Shares of modalities: Shapley's axioms, for every fusion."""

import pytest
import torch
from tests.conftest import (
    FUSION_CONFIGS,
    small_batch,
    small_mixture,
    small_model,
    small_model_config,
)

from sensorium.batch import Encoding, Tokens
from sensorium.tasks.claim import Claim
from sensorium.tasks.shares import every_subset, shapley, shares_of
from sensorium.tasks.task import Encoded

MODALITIES = ("image", "text", "audio")


@pytest.mark.parametrize("fusion", FUSION_CONFIGS)
def test_shares_add_up_whatever_a_sample_lacks(fusion):
    model = small_model(small_model_config(fusion, modalities=MODALITIES)).eval()
    mixture = small_mixture("classification", "regression", model=model).eval()
    batch = small_batch(4, image=[True, True, False, False], audio=[True, False, True, False])
    with torch.no_grad():
        encodings = model.encode(batch)
        claims = mixture.claims(batch, Encoded(encodings))
    for claim in claims.values():
        shares = shares_of(claim, encodings)
        assert list(shares.shares) == list(shares.withheld) == list(MODALITIES)
        total = torch.stack(list(shares.shares.values())).sum(dim=0)
        torch.testing.assert_close(total, shares.all - shares.none, atol=1e-5, rtol=1e-4)
        assert shares.shares["audio"].abs().gt(0).tolist() == [True, False, True, False]
        assert shares.withheld["image"].abs().gt(0).tolist() == [True, True, False, False]
        alone = encodings | {
            m: encodings[m].keep(torch.zeros(4, dtype=torch.bool)) for m in ("image", "audio")
        }
        with torch.no_grad():
            words_only = claim.figure(alone, torch.arange(4))
        torch.testing.assert_close(shares.all[3], words_only[3])


def test_values_of_a_game_that_is_known():
    """v(S) = 3 [a in S] + 2 [b and c in S]: b and c share what only both of them bring."""
    has = every_subset(3).float()
    figures = 3 * has[:, 0] + 2 * has[:, 1] * has[:, 2]
    torch.testing.assert_close(shapley(figures[:, None])[:, 0], torch.tensor([3.0, 1.0, 1.0]))


def test_a_modality_that_nothing_is_told_from_has_no_share():
    present = torch.ones(2, dtype=torch.bool)
    tokens = Tokens(torch.zeros(2, 1, 1), present[:, None])
    encodings = {m: Encoding(tokens, torch.zeros(2, 1), present) for m in MODALITIES}
    claim = Claim("", ["x", "y"], "log-odds", ("image",), lambda e, _: e["image"].present.float())
    shares = shares_of(claim, encodings)
    assert shares.shares.keys() == {"image"}
    assert shares.shares["image"].tolist() == shares.withheld["image"].tolist() == [1.0, 1.0]
