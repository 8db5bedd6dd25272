"""The projects whose weights are read, and the one door to them: `read_foreign`."""

from collections.abc import Mapping
from pathlib import Path

from gan_style.errors import UserError
from gan_style.interop.adain import is_adain, read_adain
from gan_style.interop.fast_neural_style_settings import is_fast_neural_style, read_fast_neural_style
from gan_style.interop.foreign import Foreign, Project
from gan_style.interop.naming import unwrapped
from gan_style.interop.network_file import open_discriminator
from gan_style.interop.pix2pixhd import is_pix2pixhd, read_pix2pixhd
from gan_style.interop.pytorch_cyclegan_settings import is_cut, is_cyclegan, is_discriminator, read_cut, read_cyclegan
from gan_style.interop.settings import Settings
from gan_style.interop.spade import is_spade, read_spade
from gan_style.interop.weight_file import State, read_states

# The first one that recognises the weights counts.
PROJECTS: dict[str, Project] = {
    "fast_neural_style": Project("fast-neural-style of the PyTorch examples", is_fast_neural_style, read_fast_neural_style),
    "adain": Project("pytorch-AdaIN", is_adain, read_adain),
    "spade": Project("SPADE", is_spade, read_spade),
    "pix2pixhd": Project("pix2pixHD", is_pix2pixhd, read_pix2pixhd),
    "cut": Project("CUT", is_cut, read_cut),
    "cyclegan": Project("pytorch-CycleGAN-and-pix2pix", is_cyclegan, read_cyclegan),
}
OURS = "gan_style"  # a discriminator's file, which convert wrote
AUTO = "auto"
_AVERAGES = ("ema", "average")  # in names of moving averages, which serve where training weights lie beside them


def read_foreign(path: Path, given: Mapping[str, str] | None = None, kind: str = AUTO) -> Foreign:
    """Read the network in another project's file: its kind, its settings, and its weights under our names.

    path: a .pth of torch (either format) or a .safetensors; of a whole checkpoint, the network that is recognised
    given: settings that the weights do not show, or that say which network of the file counts (`network_in_file`), as texts
    kind: one of `PROJECTS`, or "auto" to recognise it
    `UserError` in one line names the file and what is wrong with it or with a setting.
    """
    settings = Settings(given)
    if (held := open_discriminator(path)) is not None:
        settings.check_all_used()
        return Foreign(OURS, "discriminator", "", held.config, held.in_channels, 1, held.weights, (f"{'kind':16}{OURS}",), {})
    found = {place: _stripped(state) for place, state in read_states(path).items()}
    found = {name: group for place, state in found.items() for name, group in _networks(place, state, kind)} or found
    try:
        place = _chosen(found, settings)
        state = found[place]
        name = kind if kind != AUTO else next((name for name, project in PROJECTS.items() if project.recognises(state)), None)
        if name is None:
            raise UserError(
                f"no network of {', '.join(project.title for project in PROJECTS.values())} begins with {next(iter(state))!r}; "
                "give a generator's or discriminator's weights"
            )
        settings.tell("kind", name, PROJECTS[name].title)
        foreign = PROJECTS[name].read(state, settings)
        settings.check_all_used()
    except UserError as mistake:
        raise UserError(f"{path}: {mistake}") from None
    return foreign


def _stripped(state: State) -> State:
    return {unwrapped(key): value for key, value in state.items()}


def _networks(place: str, state: State, kind: str) -> list[tuple[str, State]]:
    """The recognised networks in a state dict: itself, or the parts whose names begin alike, as with `netG.` and `netD.`."""
    kinds = PROJECTS.values() if kind == AUTO else [PROJECTS[kind]]
    if any(project.recognises(state) for project in kinds):
        return [(place, state)]
    parts: dict[str, State] = {}
    for key, value in state.items():
        start, _, rest = key.partition(".")
        parts.setdefault(start, {})[unwrapped(rest)] = value
    return [
        (f"{place}.{start}" if place else start, part)
        for start, part in parts.items()
        if any(project.recognises(part) for project in kinds)
    ]


def _chosen(found: Mapping[str, State], settings: Settings) -> str:
    """The place of the network that counts: the only one, the given one, the only generator, or a generator's moving average beside it."""
    places = list(found)
    if len(places) == 1:
        return settings.found("network_in_file", places[0]) if places[0] else ""
    generators = [place for place in places if not is_discriminator(found[place])]
    averages = [place for place in generators if any(word in place.lower() for word in _AVERAGES)]
    if len(generators) == 1:
        return settings.chosen("network_in_file", generators[0], places, "the only generator")
    if len(generators) == 2 and len(averages) == 1:
        return settings.chosen("network_in_file", averages[0], places, "a moving average, which serves better")
    if "network_in_file" not in settings.given:
        raise UserError(f"holds several networks: {', '.join(places)}; choose with --set network_in_file={places[0]}")
    return settings.chosen("network_in_file", places[0], places)
