"""BLIP from the parts of transformers, with contrast, matching and masked words: ALBEF's step.

transformers has BLIP's vision and text models, and no pretraining that joins them. It is joined
here as its paper and `BlipForImageTextRetrieval` have it: one text model, which looks at the
picture's tokens where it gets them; matching sees every pair with its own partner and with two
wrong ones, drawn by similarity, all in one pass.

Shapes: B pairs, N tokens of a text, D width.

Source: Li et al. 2022, "BLIP"; Li et al. 2021, "ALBEF".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from side_by_side import Step
from torch import Tensor, nn

from contenders.peers import float_pairs, import_peer, training_step
from contenders.works import BATCHES, END, MASK, PAD, START, FusedWork, Setting


def blip_step(work: FusedWork, setting: Setting, masked_language: bool) -> Step:
    """The three losses, or, without masked words, the two that TorchMultimodal's ALBEF has."""
    blip = Blip(work)
    batches = float_pairs(work, setting.device)

    def losses(number: int) -> Tensor:
        pictures, ids, mask = batches[number % BATCHES]
        return blip(pictures, ids, mask, masked_language)

    return training_step(blip, losses, setting)


class Blip(nn.Module):
    """Two encoders, their projections, a matching head and a language head."""

    def __init__(self, work: FusedWork) -> None:
        super().__init__()
        blip = import_peer("transformers.models.blip.modeling_blip")
        blip_text = import_peer("transformers.models.blip.modeling_blip_text")
        shared = {
            "hidden_size": work.width,
            "intermediate_size": 4 * work.width,
            "num_attention_heads": work.heads,
            "attn_implementation": "eager",  # its text model has no other
        }
        self.vision = blip.BlipVisionModel(
            blip.BlipVisionConfig(
                image_size=work.image_size,
                patch_size=work.patch_size,
                num_hidden_layers=work.image_depth,
                initializer_range=0.02,
                **shared,
            )
        )
        self.language = blip_text.BlipTextLMHeadModel(
            blip.BlipTextConfig(
                vocab_size=work.vocabulary,
                encoder_hidden_size=work.width,
                num_hidden_layers=work.text_depth,
                max_position_embeddings=work.context_tokens,
                pad_token_id=PAD,
                bos_token_id=work.vocabulary + START,
                eos_token_id=work.vocabulary + END,
                sep_token_id=work.vocabulary + END,
                **shared,
            )
        )
        self.project_image = nn.Linear(work.width, work.width)
        self.project_text = nn.Linear(work.width, work.width)
        self.match = nn.Linear(work.width, 2)
        self.log_scale = nn.Parameter(torch.tensor(2.6592))
        self.hidden = work.hidden

    def forward(self, pictures: Tensor, ids: Tensor, mask: Tensor, masked_language: bool) -> Tensor:
        image = self.vision(pictures).last_hidden_state
        text = self._read(ids, mask)
        u = F.normalize(self.project_image(image[:, 0]), dim=-1)
        v = F.normalize(self.project_text(text[:, 0]), dim=-1)
        similarity = self.log_scale.exp() * u @ v.T
        own = torch.arange(len(ids), device=ids.device)
        loss = (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2
        loss = loss + self._matching(image, ids, mask, similarity.detach())
        return loss + self._masked_language(image, ids, mask) if masked_language else loss

    def _read(self, ids: Tensor, mask: Tensor, image: Tensor | None = None) -> Tensor:
        """Text states [B, N, D]; with `image`, of a text that looks at it."""
        seen = None if image is None else image.new_ones(image.shape[:2], dtype=torch.long)
        return self.language.bert(
            ids, attention_mask=mask, encoder_hidden_states=image, encoder_attention_mask=seen
        ).last_hidden_state

    def _matching(self, image: Tensor, ids: Tensor, mask: Tensor, similarity: Tensor) -> Tensor:
        own = torch.arange(len(ids), device=ids.device)
        wrong = similarity.float().fill_diagonal_(float("-inf"))
        wrong_text = torch.multinomial(wrong.softmax(dim=1), 1)[:, 0]
        wrong_image = torch.multinomial(wrong.T.softmax(dim=1), 1)[:, 0]
        texts = torch.cat([own, wrong_text, own])
        images = torch.cat([own, own, wrong_image])
        fused = self._read(ids[texts], mask[texts], image[images])
        return F.cross_entropy(
            self.match(fused[:, 0]), (torch.arange(len(texts)) < len(own)).long()
        )

    def _masked_language(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        hide = (torch.rand(ids.shape, device=ids.device) < self.hidden) & mask.bool()
        states = self._read(ids.masked_fill(hide, MASK), mask, image)
        logits = self.language.cls(states)
        return F.cross_entropy(logits.flatten(0, 1), ids.masked_fill(~hide, -100).flatten())
