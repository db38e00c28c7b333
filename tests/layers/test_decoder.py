import pytest
import torch
from torch import nn

from sensorium.layers.decoder import Decoder

VOCABULARY, POSITIONS, WIDTH = 11, 12, 8


def decoder_of(**settings) -> Decoder:
    """A decoder of random weights, none of them zero or one."""
    torch.manual_seed(0)
    sizes = {"width": WIDTH, "depth": 2, "heads": 2} | settings
    decoder = Decoder(VOCABULARY, POSITIONS, **sizes).double().eval()
    for parameter in decoder.parameters():
        nn.init.normal_(parameter, std=0.4)
    return decoder


def some_context(samples: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Of 5, 2 and no tokens."""
    torch.manual_seed(1)
    lengths = torch.tensor([5, 2, 0])[:samples]
    values = torch.randn(samples, 5, WIDTH, dtype=torch.float64)
    return values, torch.arange(5) < lengths[:, None]


def some_ids(samples: int = 3, tokens: int = 6) -> torch.Tensor:
    return torch.randint(VOCABULARY, (samples, tokens), generator=torch.Generator().manual_seed(2))


def test_equals_pytorchs_own_pre_norm_decoder():
    ours = decoder_of()
    layer = nn.TransformerDecoderLayer(
        WIDTH, 2, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    theirs = nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(WIDTH)).double().eval()
    theirs.norm.load_state_dict(ours.norm.state_dict())
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        mine.context_norm = nn.Identity()  # theirs does not normalise what it attends to
        other.self_attn.in_proj_weight.data = mine.attention.query_key_value.weight.data
        other.self_attn.in_proj_bias.data = mine.attention.query_key_value.bias.data
        other.self_attn.out_proj.load_state_dict(mine.attention.output.state_dict())
        cross = [mine.cross_attention.query, mine.cross_attention.key_value]
        other.multihead_attn.in_proj_weight.data = torch.cat([m.weight.data for m in cross])
        other.multihead_attn.in_proj_bias.data = torch.cat([m.bias.data for m in cross])
        other.multihead_attn.out_proj.load_state_dict(mine.cross_attention.output.state_dict())
        other.linear1.load_state_dict(mine.feed_forward.expand.state_dict())
        other.linear2.load_state_dict(mine.feed_forward.contract.state_dict())
        other.norm1.load_state_dict(mine.attention_norm.state_dict())
        other.norm2.load_state_dict(mine.cross_norm.state_dict())
        other.norm3.load_state_dict(mine.feed_forward_norm.state_dict())
    context, mask = (x[:2] for x in some_context())
    ids = some_ids(2)
    x = ours.embedding(ids) + ours.positions[:6]
    later = torch.ones(6, 6, dtype=torch.bool).triu(1)
    expected = theirs(x, context, tgt_mask=later, memory_key_padding_mask=~mask)
    torch.testing.assert_close(ours(ids, context, mask), expected)


def test_a_token_sees_nothing_that_comes_after_it():
    decoder, ids = decoder_of(), some_ids()
    context, mask = some_context()
    whole = decoder(ids, context, mask)
    for tokens in range(1, 6):
        other = torch.cat([ids[:, :tokens], (ids[:, tokens:] + 1) % VOCABULARY], dim=1)
        torch.testing.assert_close(decoder(other, context, mask)[:, :tokens], whole[:, :tokens])


@pytest.mark.parametrize("tokens", [1, 4])
def test_step_by_step_is_the_same_as_all_at_once(tokens):
    decoder, ids = decoder_of(), some_ids()
    context, mask = some_context()
    expected = decoder.logits(decoder(ids, context, mask))
    lengths = torch.full((3,), tokens)
    with torch.no_grad():
        logits, state = decoder.begin(ids[:, :tokens], lengths, context, mask, 7 - tokens)
        found = [logits] + [decoder.step(ids[:, n], state) for n in range(tokens, 6)]
    torch.testing.assert_close(torch.stack(found, dim=1), expected[:, tokens - 1 :])


def test_prompts_of_different_lengths_go_on_as_each_does_alone():
    decoder, ids = decoder_of(), some_ids()
    context, mask = some_context()
    lengths = torch.tensor([4, 1, 2])
    following = some_ids(3, 3)
    with torch.no_grad():
        logits, state = decoder.begin(ids[:, :4], lengths, context, mask, 4)
        together = [logits] + [decoder.step(following[:, n], state) for n in range(3)]
        for row, length in enumerate(lengths.tolist()):
            alone = torch.cat([ids[row, :length], following[row]])[None]
            one = slice(row, row + 1)
            expected = decoder.logits(decoder(alone, context[one], mask[one]))[0, length - 1 :]
            torch.testing.assert_close(torch.stack([x[row] for x in together]), expected)


def test_a_state_can_be_reordered_and_repeated():
    decoder, ids = decoder_of(), some_ids()
    context, mask = some_context()
    order = torch.tensor([2, 0, 0, 1])
    with torch.no_grad():
        _, state = decoder.begin(ids[:, :3], torch.full((3,), 3), context, mask, 2)
        taken = decoder.step(ids[order, 3], state.rows(order))
        expected = decoder.step(ids[:, 3], state)
    torch.testing.assert_close(taken, expected[order])


def test_no_context_is_the_same_as_a_masked_one():
    decoder, ids = decoder_of(), some_ids()
    context, mask = some_context()
    nothing = decoder(ids, context[:, :0], mask[:, :0])
    torch.testing.assert_close(decoder(ids, context, torch.zeros_like(mask)), nothing)


def test_more_tokens_than_positions_are_refused():
    decoder, context = decoder_of(), some_context(2)
    with pytest.raises(ValueError, match="prompts of 4 tokens and 10 more need 13 positions"):
        decoder.begin(some_ids(2, 4), torch.tensor([4, 2]), *context, 10)
    with pytest.raises(ValueError, match="13 tokens came to a decoder of 12 positions"):
        decoder(some_ids(2, 13), *context)
