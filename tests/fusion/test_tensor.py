from functools import reduce

import pytest
import torch
from tests.fusion.reference import assert_vectors, encodings_of, fusion_of, linear

from sensorium.fusion import TensorConfig, TensorFusion
from sensorium.fusion.tensor import LARGEST_PRODUCT

ONE, ZERO = torch.ones(1).double(), torch.zeros(3).double()


def test_the_formula():
    fusion = fusion_of("tensor")

    def formula(vectors):
        sides = [
            linear(vectors[m], fusion.project[m]) if m in vectors else ZERO
            for m in ("image", "text", "audio")
        ]
        z = [torch.cat([side, ONE]) for side in sides]
        return linear(torch.einsum("i,j,k->ijk", *z).flatten(), fusion.output)

    assert_vectors(fusion, encodings_of(), formula)
    assert_vectors(fusion, encodings_of(["audio", "image"]), formula)


def test_what_is_left_is_the_product_of_the_modalities_that_are_there():
    whole, pair = fusion_of("tensor"), fusion_of("tensor", ["image", "audio"])
    pair.project.load_state_dict(
        {k: v for k, v in whole.project.state_dict().items() if not k.startswith("text")}
    )
    weights = whole.output.weight.view(-1, 4, 4, 4)
    pair.output.weight.data = weights[:, :, -1].reshape(-1, 16)  # where the text's factor is 1
    pair.output.bias.data = whole.output.bias
    encodings = encodings_of(["image", "audio"])
    torch.testing.assert_close(whole(encodings).vector, pair(encodings).vector)


def test_an_absurd_size_is_refused_with_what_would_fit():
    modalities = ["image", "text", "audio", "video"]
    (said,) = TensorConfig(side=32).problems(modalities)
    assert said == (
        "side=32 makes an outer product of (32 + 1)^4 = 1,185,921 values for 4 modalities, more "
        "than 65,536; give side=15 or less, or name=low_rank, which never forms it"
    )
    with pytest.raises(ValueError, match="give side=15 or less"):
        TensorFusion(TensorConfig(side=32), dict.fromkeys(modalities, 8))


@pytest.mark.parametrize("modalities", [1, 2, 3, 4, 5, 8])
def test_the_side_that_is_advised_is_the_largest_that_fits(modalities):
    names = [str(number) for number in range(modalities)]
    (said,) = TensorConfig(side=LARGEST_PRODUCT).problems(names)
    side = int(said.partition("give side=")[2].partition(" ")[0])
    assert not list(TensorConfig(side=side).problems(names))
    assert list(TensorConfig(side=side + 1).problems(names))
    assert reduce(lambda size, _: size * (side + 1), names, 1) <= LARGEST_PRODUCT
