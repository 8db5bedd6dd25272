"""The plan of a street: four kinds of houses, trees and perhaps a car. Lengths are in units of 1/256 of the picture's side, y down."""

from dataclasses import dataclass

import numpy as np

from gan_style.demo.canvas import Random
from gan_style.demo.street_map import SUPERSAMPLING, UNITS, Street, StreetClass


@dataclass(frozen=True)
class House:
    """The frame that a house is built in: its sides, the street it stands on, its storeys and its bays of windows."""

    left: float
    right: float
    base: float
    storeys: int
    ground: float
    storey: float
    bays: int

    @property
    def eaves(self) -> float:
        return self.base - self.ground - self.storeys * self.storey

    @property
    def bay(self) -> float:
        return (self.right - self.left) / self.bays

    def centre(self, bay: int) -> float:
        return self.left + (bay + 0.5) * self.bay

    def floor(self, storey: int) -> float:
        """The y of a storey's floor; storey 0 is the first above the ground floor."""
        return self.base - self.ground - storey * self.storey


def plan_street(rng: Random, size: int) -> Street:
    """A row of houses that fills the width, trees and perhaps a car in front of it."""
    street = Street(np.zeros((size * SUPERSAMPLING,) * 2, np.uint8), [])
    base = rng.uniform(208, 214)
    left, kinds = -rng.uniform(0, 45), rng.permutation(len(KINDS))
    number = 0
    while left < UNITS:
        width = rng.uniform(76, 124)
        house = House(
            left, left + width, base, int(rng.integers(2, 5)), rng.uniform(40, 46), rng.uniform(31, 36), max(round(width / 27), 2)
        )
        KINDS[kinds[number % len(KINDS)]](street, house, rng)
        left, number = left + width, number + 1
    kerb = base + rng.uniform(13, 17)
    street.box(StreetClass.PAVEMENT, 0, base, UNITS, kerb)
    street.box(StreetClass.ROAD, 0, kerb, UNITS, UNITS)
    tree_x = rng.uniform(-10, 60)
    while tree_x < UNITS:
        if rng.random() < 0.6:
            _tree(street, rng, tree_x, base + 7)
        tree_x += rng.uniform(70, 130)
    if rng.random() < 0.65:
        _car(street, rng.uniform(-15, 200), kerb + 14)
    return street


def _stone_house(street: Street, house: House, rng: Random) -> None:
    """Boulevard: ashlar, iron balconies, a slate mansard with dormers."""
    roof = rng.uniform(26, 32)
    top = house.eaves - roof
    street.polygon(
        StreetClass.SLATE_ROOF,
        [(house.left + 2, house.eaves), (house.left + 9, top), (house.right - 9, top), (house.right - 2, house.eaves)],
    )
    for x in (house.left + 14, house.right - 24):
        street.box(StreetClass.BRICK, x, top - 11, x + 10, top + 1)
        street.box(StreetClass.TRIM, x - 1, top - 13, x + 11, top - 10)
    for bay in range(house.bays):
        x = house.centre(bay)
        street.box(StreetClass.TRIM, x - 7, top + 6, x + 7, house.eaves)
        street.polygon(StreetClass.TRIM, [(x - 8.5, top + 6), (x, top + 1), (x + 8.5, top + 6)])
        street.box(StreetClass.WINDOW, x - 4.5, top + 9, x + 4.5, house.eaves - 3, part=True)
    _wall(street, house, StreetClass.STONE)
    _cornice(street, house, 5)
    with_balconies = {0, house.storeys - 1} if rng.random() < 0.7 else set(range(house.storeys))
    for storey in range(house.storeys):
        floor = house.floor(storey)
        for bay in range(house.bays):
            _window(street, house.centre(bay), floor - house.storey + 8, house.bay * 0.44, house.storey - 11)
        if storey in with_balconies:
            for bay in range(house.bays):
                x, half = house.centre(bay), house.bay * 0.36
                street.box(StreetClass.BALCONY, x - half, floor - 11, x + half, floor, part=True)
    _shops(street, house, rng)


def _gable_house(street: Street, house: House, rng: Random) -> None:
    """Canal side: brick with a stepped gable, tall white windows."""
    middle, steps = (house.left + house.right) / 2, int(rng.integers(3, 5))
    rise = (house.right - house.left) * 0.36 / steps
    for step in range(steps):
        half = (house.right - house.left) / 2 * (1 - step / steps) - 1
        y = house.eaves - (step + 1) * rise
        street.box(StreetClass.BRICK, middle - half, y, middle + half, y + rise + 1)
        street.box(StreetClass.TRIM, middle - half - 1, y - 2.5, middle + half + 1, y + 0.5)
    _wall(street, house, StreetClass.BRICK)
    _window(street, middle, house.eaves - rise * 1.7, house.bay * 0.5, rise * 1.5 + 3)
    for storey in range(house.storeys):
        for bay in range(house.bays):
            _window(street, house.centre(bay), house.floor(storey) - house.storey + 6, house.bay * 0.52, house.storey - 10)
    _doors(street, house, rng)


def _plaster_house(street: Street, house: House, rng: Random) -> None:
    """Piazza: plaster, green shutters, a tiled roof that juts out."""
    roof = rng.uniform(16, 22)
    x = rng.uniform(house.left + 16, house.right - 26)
    street.box(StreetClass.PLASTER, x, house.eaves - roof - 8, x + 11, house.eaves)
    street.box(StreetClass.TILE_ROOF, x - 1.5, house.eaves - roof - 11, x + 12.5, house.eaves - roof - 7)
    corners = [
        (house.left - 3, house.eaves + 1),
        (house.left + 6, house.eaves - roof),
        (house.right - 6, house.eaves - roof),
        (house.right + 3, house.eaves + 1),
    ]
    street.polygon(StreetClass.TILE_ROOF, corners)
    _wall(street, house, StreetClass.PLASTER)
    street.box(StreetClass.TILE_ROOF, house.left - 3, house.eaves - 2, house.right + 3, house.eaves + 3)
    for storey in range(house.storeys):
        floor = house.floor(storey)
        for bay in range(house.bays):
            x, top, half, height = house.centre(bay), floor - house.storey + 9, house.bay * 0.19, house.storey - 13
            _window(street, x, top, 2 * half, height)
            street.box(StreetClass.SHUTTER, x - half - 6, top, x - half, top + height, part=True)
            street.box(StreetClass.SHUTTER, x + half, top, x + half + 6, top + height, part=True)
    if rng.random() < 0.5:
        _shops(street, house, rng)
    else:
        _doors(street, house, rng)


def _brick_house(street: Street, house: House, rng: Random) -> None:
    """Brownstone: brick, a heavy cornice on a flat roof, lintels."""
    _wall(street, house, StreetClass.BRICK)
    street.box(StreetClass.TRIM, house.left + 1, house.eaves + 2, house.right - 1, house.eaves + 5)
    _cornice(street, house, 8)
    for storey in range(house.storeys):
        for bay in range(house.bays):
            top, width = house.floor(storey) - house.storey + 11, house.bay * 0.46
            x = house.centre(bay)
            street.box(StreetClass.TRIM, x - width / 2 - 2.5, top - 5, x + width / 2 + 2.5, top)
            _window(street, x, top, width, house.storey - 16)
    street.box(StreetClass.STONE, house.left, house.base - house.ground + 2, house.right, house.base)
    _shops(street, house, rng)


KINDS = (_stone_house, _gable_house, _plaster_house, _brick_house)


def _wall(street: Street, house: House, label: StreetClass) -> None:
    street.box(label, house.left, house.eaves, house.right, house.base)
    street.box(StreetClass.STONE, house.left, house.base - 7, house.right, house.base)
    if label is not StreetClass.BRICK:
        street.box(StreetClass.TRIM, house.left, house.base - house.ground, house.right, house.base - house.ground + 2.5)


def _cornice(street: Street, house: House, height: float) -> None:
    street.box(StreetClass.TRIM, house.left - 1, house.eaves - height + 2, house.right + 1, house.eaves + 2, part=True)


def _window(street: Street, x: float, top: float, width: float, height: float) -> None:
    """A window with its frame and its sill."""
    street.box(StreetClass.TRIM, x - width / 2 - 1.5, top - 1.5, x + width / 2 + 1.5, top + height + 1)
    street.box(StreetClass.WINDOW, x - width / 2, top, x + width / 2, top + height, part=True)
    street.box(StreetClass.TRIM, x - width / 2 - 3, top + height, x + width / 2 + 3, top + height + 2.5)


def _door(street: Street, house: House, bay: int) -> None:
    x, half, top = house.centre(bay), min(house.bay * 0.3, 8.5), house.base - house.ground + 11
    street.box(StreetClass.TRIM, x - half - 2.5, top - 3, x + half + 2.5, house.base)
    street.box(StreetClass.DOOR, x - half, top, x + half, house.base, part=True)


def _doors(street: Street, house: House, rng: Random) -> None:
    """A ground floor to live in: a door and windows."""
    door = int(rng.integers(house.bays))
    for bay in range(house.bays):
        if bay == door:
            _door(street, house, bay)
        else:
            _window(street, house.centre(bay), house.base - house.ground + 9, house.bay * 0.46, house.ground - 22)


def _shops(street: Street, house: House, rng: Random) -> None:
    """A ground floor to buy in: shop windows under awnings beside the door."""
    door = int(rng.integers(house.bays))
    _door(street, house, door)
    for first, last in ((0, door), (door + 1, house.bays)):
        if last > first:
            left, right, top = house.left + first * house.bay + 4, house.left + last * house.bay - 4, house.base - house.ground
            street.box(StreetClass.TRIM, left - 1.5, top + 5, right + 1.5, house.base - 5)
            street.box(StreetClass.SHOP, left, top + 10, right, house.base - 7, part=True)
            if rng.random() < 0.75:
                street.box(StreetClass.AWNING, left - 2, top + 6, right + 2, top + 17, part=True)


def _tree(street: Street, rng: Random, x: float, foot: float) -> None:
    """A trunk and a crown of leaves."""
    radius = rng.uniform(17, 25)
    crown = foot - radius * rng.uniform(2.3, 2.7)
    street.polygon(StreetClass.TRUNK, [(x - 2.5, foot), (x - 1.5, crown), (x + 1.5, crown), (x + 2.5, foot)])
    angles = np.arange(14) * (2 * np.pi / 14) + rng.uniform(0, 1)
    reach = rng.uniform(0.62, 0.85, 14) * radius
    for angle, far in zip(angles, reach, strict=True):
        street.disc(StreetClass.FOLIAGE, x + far * np.cos(angle), crown + far * np.sin(angle) * 1.1, radius * 0.32)
    street.disc(StreetClass.FOLIAGE, x, crown, radius * 0.8)
    street.detail(StreetClass.FOLIAGE, x - radius * 1.2, crown - radius * 1.3, x + radius * 1.2, crown + radius * 1.3)


def _car(street: Street, left: float, ground: float) -> None:
    """A small car seen from the side, 52 units long."""
    body = [(0, -5), (1, -11), (12, -13), (18, -20), (36, -20), (44, -13), (51, -11), (52, -5)]
    street.polygon(StreetClass.CAR, [(left + x, ground + y) for x, y in body])
    for x in (11, 41):
        street.disc(StreetClass.CAR, left + x, ground - 4.5, 4.3)
    street.detail(StreetClass.CAR, left, ground - 20, left + 52, ground)
