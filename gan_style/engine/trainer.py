"""One optimizer step: every player that is due is updated once, in order, over all micro-batches and processes."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan_style.config.schema import OptimConfig, TrainConfig
from gan_style.engine.buffers import Buffers
from gan_style.engine.ema import EMA
from gan_style.engine.freezing import fixed_tensors
from gan_style.engine.health import StepResult, measure
from gan_style.engine.layout import memory_format, one_position
from gan_style.engine.schedules import learning_rate
from gan_style.machine.compilation import chosen, compiled
from gan_style.machine.device import seed_networks
from gan_style.methods.base import Method, Player
from gan_style.networks.layers.dropout import dropouts, masks_by_sample
from gan_style.networks.layers.spectral import advance, spectral_norms
from gan_style.seeding import derive_seed
from gan_style.types import Batch, Outputs, detach


class Trainer:
    """The optimizers, the wrapped networks and the moving average of a method, and the step that updates them.

    networks: the bare networks by name; their weights are saved and served
    planned_steps: steps of the learning rate's schedule; warm_up: steps in which the rate rises to that of the schedule
    """

    def __init__(
        self,
        method: Method,
        train: TrainConfig,
        optim: OptimConfig,
        accelerator: Accelerator,
        planned_steps: int,
        warm_up: int = 0,
    ) -> None:
        self.method, self.accelerator = method, accelerator
        self.train_config, self.optim_config = train, optim
        self.planned_steps, self.warm_up = planned_steps, warm_up
        self.dtype = torch.float64 if train.dtype == "float64" else torch.float32
        self.compile = chosen(train.compile, accelerator.device, accelerator.num_processes, planned_steps)
        self.memory_format = memory_format(train.channels_last, method.networks.values(), accelerator.device, self.compile != "off")
        for network in (*method.networks.values(), *method.frozen.values()):
            network.to(accelerator.device, self.dtype, memory_format=self.memory_format)  # type: ignore[call-overload]
        for network in method.frozen.values():
            network.requires_grad_(False)
        self.networks: dict[str, nn.Module] = dict(method.networks)
        fixed = fixed_tensors(train.freeze, method)
        self._trained = {
            name: {
                key: parameter
                for key, parameter in network.named_parameters()
                if parameter.requires_grad_(method.trains(name, key) and key not in fixed[name]).requires_grad
            }
            for name, network in self.networks.items()
        }
        served = {name: self.networks[name] for name in method.translators.values()}
        self.ema = EMA(served, train.ema_decay, train.ema_warmup) if train.ema_decay else None
        self._buffers = Buffers(self.networks, fixed)
        self.optimizers = {player.name: self._optimizer(player) for player in method.players}
        compiled(self.compile, self.networks, left_out=self._not_compiled(), told=train.compile != "auto")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*broadcast_buffers. is deprecated")  # accelerate has no name for its successor yet
            self._wrapped = {  # without gradients to reduce, a network is read alone, as in an evaluation
                name: accelerator.prepare_model(network, evaluation_mode=not self._trained[name]) for name, network in self.networks.items()
            }
        self._steppers = {name: accelerator.prepare_optimizer(optimizer) for name, optimizer in self.optimizers.items()}
        self.terms: dict[str, tuple[str, ...]] = {}  # player -> the names of its losses so far
        self._dropouts = dropouts(self.networks)
        self._spectral = {
            name: [
                (norm, weight) for norm, weight in spectral_norms(network) if any(weight is each for each in self._trained[name].values())
            ]
            for name, network in self.networks.items()
        }
        self._translating = next(player for player in method.players if player.translates)

    def step(self, step: int, micro_batches: Sequence[Batch], measured: bool = True) -> StepResult:
        """Run step number `step` (from 0). measured: is the health of the translations wanted?

        A player whose loss or gradient is not finite on any process does not move, and the buffers of
        all networks are then as they were before the step.

        With one micro-batch the translation is computed once, with its graph, for all players. With several, a graph
        lives only for one micro-batch: a player that moves before the translating one is shown a translation without
        a graph, which that player then computes again with the same random numbers.
        """
        if self.compile == "graphs":
            torch.compiler.cudagraph_mark_step_begin()  # outputs of networks live until here: nothing keeps them for a later step
        micro_batches = [batch.to(self.accelerator.device, self.dtype, self.memory_format) for batch in micro_batches]
        count = len(micro_batches)
        due = [player for player in self.method.players if step % player.every == 0]
        self._buffers.keep()
        for name in (name for player in due for name in player.networks):
            advance(self._spectral[name])
        graphs: dict[int, Outputs] = {}  # translations whose graph the translating player will use
        seen: dict[int, Outputs] = {}  # translations without a graph
        losses: dict[str, Tensor] = {}
        bad: dict[str, Tensor] = {}
        still: dict[str, Tensor] = {}
        for turn, player in enumerate(due):
            graph_needed = any(later.translates for later in due[turn:])
            turns_losses: list[Tensor] = []
            for place, batch in enumerate(micro_batches):
                with self._reducing(player, place == count - 1), self.accelerator.autocast():
                    if place not in seen and place not in graphs:
                        keep_graph = player.translates or (graph_needed and count == 1)
                        outputs = self._translate(step, place, batch, keep_graph)
                        (graphs if keep_graph else seen)[place] = outputs
                    elif player.translates and place not in graphs:
                        graphs[place] = self._translate(step, place, batch, keep_graph=True)
                    outputs = graphs[place] if player.translates else seen.get(place) or detach(graphs[place])
                    self._take_turn(player)
                    with self._drawing(batch, step, place, "losses", player.name):
                        terms = self.method.losses(player, batch, outputs)
                    total = torch.stack([term.to(self.dtype) for term in terms.values()]).sum()
                    total = total / count if count > 1 else total
                self._backward(player, total, place == count - 1)
                turns_losses.append(total.detach())
                self.terms[player.name] = tuple(dict.fromkeys([*self.terms.get(player.name, ()), *terms]))  # some are not due in every step
                for name, term in terms.items():
                    share = term.detach() / count if count > 1 else term.detach()
                    losses[name] = losses[name] + share if name in losses else share
                if player.translates:
                    seen[place] = detach(graphs.pop(place))
            bad[player.name], still[player.name] = self._update(player, step, sum(turns_losses[1:], turns_losses[0]))
        self._buffers.restore(torch.stack([*still.values()]).amax())
        if self.ema and self._translating in due:
            self.ema.update(step // self._translating.every + 1, still[self._translating.name])
        return StepResult(losses, self._measured(micro_batches, seen) if measured else {}, tuple(bad), torch.stack([*bad.values()]))

    def learning_rate(self, step: int, player: Player) -> float:
        """The learning rate of a player in step `step` (from 0)."""
        return learning_rate(self.optim_config, step, self.planned_steps, player.name, self.warm_up)

    def served_weights(self, name: str) -> dict[str, Tensor]:
        """The weights of a translator that inference should run: the moving average where there is one."""
        return self.ema.shadows[name] if self.ema else self.networks[name].state_dict()

    def _translate(self, step: int, place: int, batch: Batch, keep_graph: bool) -> Outputs:
        self._take_turn(self._translating)
        with self._drawing(batch, step, place, "translate"), torch.set_grad_enabled(keep_graph):
            return self.method.translate(batch) if keep_graph else self.method.fakes(batch)

    def _take_turn(self, player: Player) -> None:
        """Let the player's networks learn, through their wrappers, and freeze its opponents, which are only read."""
        for name, parameters in self._trained.items():
            for parameter in parameters.values():
                parameter.requires_grad_(name in player.networks)
        self.method.networks = {name: self._wrapped[name] if name in player.networks else bare for name, bare in self.networks.items()}

    def _drawing(self, batch: Batch, step: int, place: int, *purpose: str) -> AbstractContextManager[None]:
        """While entered, what the networks draw is a function of seed, purpose and sample (dropout), so that no state needs saving.

        Whatever else draws from torch's global generator depends on the step, the micro-batch and the process too.
        """
        seed = self.train_config.seed
        seed_networks(derive_seed(seed, *purpose, step, place, self.accelerator.process_index), self.accelerator.device)
        return masks_by_sample(self._dropouts, batch.numbers, self.accelerator.device, seed, *purpose)

    @contextmanager
    def _reducing(self, player: Player, last: bool) -> Iterator[None]:
        """Gradients are averaged over the processes in the backward of the last micro-batch only."""
        with ExitStack() as stack:
            if not last:
                for name in {*player.networks, *self._translating.networks}:
                    stack.enter_context(self.accelerator.no_sync(self._wrapped[name]))
            yield

    def _backward(self, player: Player, total: Tensor, last: bool) -> None:
        with self._reducing(player, last):
            self.accelerator.backward(total)

    def _measured(self, micro_batches: Sequence[Batch], seen: dict[int, Outputs]) -> dict[str, Tensor]:
        """`health.measure`, averaged over the micro-batches, and the method's measures."""
        measures = self.method.measures()
        for place, outputs in seen.items():
            for name, value in measure(self.method.translations(micro_batches[place], outputs)).items():
                measures[name] = measures.get(name, 0.0) + value / len(micro_batches)
        return measures

    def _update(self, player: Player, step: int, loss: Tensor) -> tuple[Tensor, Tensor]:
        """Move the player's networks, unless `loss` or its gradient is not finite.

        Returns (1 where that is a fault, else 0; 1 where the networks did not move, else 0). They differ while fp16's loss scale is
        being found: gradients that overflow then are part of the search. Where they are not finite without any scaling, no search helps.
        """
        optimizer, stepper = self.optimizers[player.name], self._steppers[player.name]
        for group in optimizer.param_groups:
            group["lr"] = self.learning_rate(step, player)
        for name in player.networks:
            for key, parameter in self._trained[name].items():
                if self.method.rests(name, key, step):
                    parameter.grad = None  # not 0: Adam would count the step, and its first real step would be too large
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if self.optim_config.clip_norm is not None:
            self.accelerator.unscale_gradients(stepper)
            norm = nn.utils.clip_grad_norm_(parameters, self.optim_config.clip_norm)
        else:
            norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
        bad = still = ~(loss + norm).isfinite()
        if self.accelerator.scaler:
            bad = ~loss.isfinite() | (still & (loss_scale(self.accelerator.scaler) <= 1.0))
        bad, still = bad.float(), still.float()
        if self.accelerator.num_processes > 1:
            bad, still = self.accelerator.reduce(torch.stack([bad, still]), reduction="sum").clamp(max=1.0)  # type: ignore[union-attr]
        if not self.accelerator.scaler:  # a scaler skips steps itself
            optimizer.grad_scale, optimizer.found_inf = None, bad  # type: ignore[attr-defined] - the fused kernel skips, nobody waits
        stepper.step()
        stepper.zero_grad()
        return bad, still

    def _not_compiled(self) -> dict[str, str]:
        """The networks that torch.compile cannot take, and why."""
        twice = dict.fromkeys(self.method.differentiated_twice, "the penalty of its slope differentiates it twice")
        if self.accelerator.device.type == "cpu" or self.memory_format is torch.contiguous_format:
            return twice
        small = [name for name, network in self.networks.items() if one_position(network)]
        return twice | dict.fromkeys(small, "it has maps of one position, so train.channels_last must be auto or false")

    def _optimizer(self, player: Player) -> torch.optim.Adam:
        parameters = [parameter for name in player.networks for parameter in self._trained[name].values()]
        optim = self.optim_config
        return torch.optim.Adam(parameters, lr=optim.lr, betas=(optim.beta1, optim.beta2), fused=True)

    def state(self) -> dict[str, object]:
        """The state that is the same on every process."""
        scaler = self.accelerator.scaler
        return {
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "ema": self.ema.shadows if self.ema else None,
            "scaler": scaler.state_dict() if scaler else None,
        }

    def load_state(self, state: dict) -> None:
        """Restore `state`."""
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
            _restore_layout(optimizer)
        if self.ema:
            self.ema.load(state["ema"])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])


def loss_scale(scaler: torch.amp.GradScaler) -> Tensor:
    """The present factor of fp16's losses, on their device: `get_scale` would wait for it."""
    scale = scaler._scale
    assert scale is not None  # it exists after the first backward pass
    return scale


def _restore_layout(optimizer: torch.optim.Optimizer) -> None:
    """Give loaded moments the memory layout of their parameters, which the fused kernels take for granted."""
    for parameter, moments in optimizer.state.items():
        for key, value in moments.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                moments[key] = torch.empty_like(parameter).copy_(value)
