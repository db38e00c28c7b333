import torch
from tests.conftest import small_batch, small_model


def test_each_modality_sees_the_other():
    model = small_model().eval()
    one, other = small_batch(2, seed=0), small_batch(2, seed=1)
    a, b = model.encode(one), model.encode(other)
    own = model.fuse(a)
    swapped = model.fuse({"image": b["image"], "text": a["text"]})
    real = own.tokens["text"].mask
    assert not torch.allclose(
        own.tokens["text"].values[real], swapped.tokens["text"].values[real], atol=1e-3
    )
    swapped = model.fuse({"image": a["image"], "text": b["text"]})
    assert not torch.allclose(own.tokens["image"].values, swapped.tokens["image"].values, atol=1e-3)


def test_the_order_of_modalities_does_not_matter():
    model = small_model().eval()
    encodings = model.encode(small_batch(3))
    turned = dict(reversed(encodings.items()))
    torch.testing.assert_close(model.fuse(encodings).vector, model.fuse(turned).vector)


def test_the_vector_is_the_product_over_the_present_modalities():
    model = small_model().eval()
    fused = model(small_batch(3, text=[True, False, True])).fused
    text, image = fused.tokens["text"], fused.tokens["image"]
    for row, has_text in enumerate([True, False, True]):
        expected = model.fusion.pool["image"](image.values[row].mean(dim=0))
        if has_text:
            words = text.values[row, text.mask[row]].mean(dim=0)
            expected = expected * model.fusion.pool["text"](words)
        torch.testing.assert_close(fused.vector[row], expected)
