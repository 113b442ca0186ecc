"""Do the libraries that own the training loop get from it what they get from torch's optimizer?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twins import assert_close, ours, torch, torchs

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

Make = Callable[..., Any]


def data() -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(32, 5, generator=generator), torch.randn(32, 3, generator=generator)


def layer() -> Any:
    torch.manual_seed(0)
    return torch.nn.Linear(5, 3)


def with_accelerate(make: Make, folder: Path) -> Any:
    accelerator = pytest.importorskip("accelerate").Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = layer()
    optimizer = make(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), batch_size=8)
    model, optimizer, batches, schedule = accelerator.prepare(model, optimizer, batches, schedule)
    for epoch in range(4):
        for x, y in batches:
            with accelerator.accumulate(model):
                accelerator.backward(((model(x) - y) ** 2).mean())
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
        if epoch == 1:
            accelerator.save_state(str(folder))
            accelerator.load_state(str(folder))
    return model


def with_trainer(make: Make, folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer()

        def forward(self, x: Any = None, labels: Any = None) -> dict[str, Any]:
            out = self.layer(x)
            return {"loss": ((out - labels) ** 2).mean(), "logits": out}

    model = Model()
    optimizer = make(model.parameters(), lr=0.05)
    arguments = transformers.TrainingArguments(
        str(folder),
        num_train_epochs=3,
        per_device_train_batch_size=8,
        report_to=[],
        use_cpu=True,
        save_strategy="epoch",
        disable_tqdm=True,
    )
    examples = [{"x": x, "labels": y} for x, y in zip(*data(), strict=True)]
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 4)
    transformers.Trainer(model, arguments, train_dataset=examples, optimizers=(optimizer, schedule)).train()
    return model


def with_lightning(make: Make, folder: Path) -> Any:
    lightning = pytest.importorskip("lightning")

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer()

        def training_step(self, batch: Any, _: int) -> Any:
            return ((self.layer(batch[0]) - batch[1]) ** 2).mean()

        def configure_optimizers(self) -> Any:
            optimizer = make(self.layer.parameters(), lr=0.05)
            return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 2)}

    model = Model()
    trainer = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        accumulate_grad_batches=2,
    )
    trainer.fit(model, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), batch_size=8))
    trainer.save_checkpoint(folder / "model.ckpt")
    return model


@pytest.mark.parametrize("train", [with_accelerate, with_trainer, with_lightning])
def test_it_is_trained_alike(train: Callable[..., Any], tmp_path: Path) -> None:
    models = []
    for name, make in (("own", ours("AdamW")), ("its", torchs("AdamW"))):
        (tmp_path / name).mkdir()
        models.append(list(train(make, tmp_path / name).parameters()))
    assert not torch.equal(models[0][0], layer().weight)
    assert_close(*models, 1e-5, 1e-6)
