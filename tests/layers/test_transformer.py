import pytest
import torch
from torch import nn

from sensorium.layers.transformer import Transformer


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_equals_pytorchs_own_pre_norm_encoder(activation):
    torch.manual_seed(0)
    ours = Transformer(width=12, depth=2, heads=3, activation=activation).double().eval()
    layer = nn.TransformerEncoderLayer(
        12, 3, 48, dropout=0.0, activation=activation, batch_first=True, norm_first=True
    )
    theirs = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(12), enable_nested_tensor=False)
    theirs = theirs.double().eval()
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        for parameter in mine.parameters():
            nn.init.normal_(parameter, std=0.3)
        other.self_attn.in_proj_weight.data = mine.attention.query_key_value.weight.data
        other.self_attn.in_proj_bias.data = mine.attention.query_key_value.bias.data
        other.self_attn.out_proj.load_state_dict(mine.attention.output.state_dict())
        other.linear1.load_state_dict(mine.feed_forward.expand.state_dict())
        other.linear2.load_state_dict(mine.feed_forward.contract.state_dict())
        other.norm1.load_state_dict(mine.attention_norm.state_dict())
        other.norm2.load_state_dict(mine.feed_forward_norm.state_dict())
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    expected = theirs(x, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, mask)[mask], expected[mask])


def test_checkpointed_activations_give_the_same_output_and_gradient():
    torch.manual_seed(0)
    model = Transformer(width=8, depth=3, heads=2)
    x = torch.randn(2, 4, 8)
    results = []
    for model.checkpoint_activations in (False, True):
        model.zero_grad()
        out = model(x)
        out.square().sum().backward()
        results.append([out, *(p.grad for p in model.parameters())])
    for plain, checkpointed in zip(*results, strict=True):
        torch.testing.assert_close(plain, checkpointed)
