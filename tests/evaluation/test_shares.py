"""Mean shares over a set: those of its samples, however it is cut into batches."""

import pytest
import torch
from tests.conftest import small_batch, small_mixture

from sensorium.evaluation.shares import mean_shares
from sensorium.tasks import Encoded
from sensorium.tasks.shares import shares_of

HAS = {"image": [True, True, False, True, False], "text": [True, False, True, True, False]}


def test_the_mean_is_over_the_samples_of_which_something_is_said():
    mixture = small_mixture("contrastive", "classification", "question_answering").eval()
    batch = small_batch(5, **HAS)
    cut = mean_shares(mixture, batch.split(2))
    assert cut.keys() == {"classification", "question_answering"}, "of pairs there is none"
    assert [cut[name].samples for name in cut] == [4, 3]
    with torch.no_grad():
        encodings = mixture.model.encode(batch)
        claim = mixture.claims(batch, Encoded(encodings))["question_answering"]
    shares = shares_of(claim, encodings)
    facts = cut["question_answering"].facts()
    asked = [0, 2, 3]
    assert facts["score"] == pytest.approx(shares.all[asked].mean().item(), abs=1e-5)
    for modality in ("image", "text"):
        share = shares.shares[modality][asked].mean().item()
        assert facts["shares"][modality] == pytest.approx(share, abs=1e-5)
        fall = shares.withheld[modality][asked].mean().item()
        assert facts["withheld"][modality] == pytest.approx(fall, abs=1e-5)
    assert sum(facts["shares"].values()) == pytest.approx(
        facts["score"] - facts["score_without"], abs=1e-5
    )
