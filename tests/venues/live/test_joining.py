"""Two connections that send the same updates, each at its own pace, are one stream without a gap or a repetition."""

from random import Random

import pytest

from deltawire.ports import FrameIds
from deltawire.venues.live.joining import Joining
from tests.support.effort import THOROUGH

SEEDS = range(2000 if THOROUGH else 200)


def update(symbol: str, number: int) -> bytes:
    return f"{symbol} {number - 1} {number}".encode()


def image(symbol: str, number: int) -> bytes:
    return f"{symbol} image {number}".encode()


def identify(frame: bytes) -> FrameIds | None:
    symbol, previous, last = (*frame.decode().split(), "", "")[:3]
    if not last:
        return None
    return FrameIds(symbol, 0 if previous == "image" else int(previous), int(last), previous == "image")


class OneBook:
    """What a state machine would make of the frames: the chain must hold, an image begins it anew."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.images = 0

    def take(self, frames: list[bytes]) -> None:
        for frame in frames:
            ids = identify(frame)
            assert ids is not None
            if ids.image:
                self.images += 1
            else:
                assert ids.previous == self.last, f"{frame!r} after {self.last}"
            self.last = ids.last


@pytest.mark.parametrize("with_image", [True, False], ids=["image", "diffs"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_two_connections_say_is_one_chain(seed: int, with_image: bool) -> None:
    random = Random(seed)
    begins = random.randint(5, 15)  # where the first connection stands
    book = OneBook(begins)
    joining = Joining(identify, lambda symbol: book.last)
    starts = random.randint(1, 25)  # where the second one begins
    ends = random.randint(begins, 60)  # where the first one ends
    first = [update("A", n) for n in range(begins + 1, ends + 1)]
    second = [image("A", starts)] * with_image + [update("A", n) for n in range(starts + 1, 80)]
    ended = False
    while second or not ended:
        if not ended and not first:
            ended = True
            if not with_image and starts > book.last:
                return  # there are no messages in between: the next one is a gap, as it must be
            book.take(joining.end_of_first())
        elif second and (ended or random.random() < 0.5):
            book.take(joining.second(second.pop(0)))
        elif first:
            book.take(joining.first(first.pop(0)))
    assert book.last == 79
    assert book.images == (1 if with_image and starts > ends else 0)


def test_a_book_is_joined_once_the_first_connection_has_reached_the_second() -> None:
    joining = Joining(identify, lambda symbol: 5)
    assert joining.second(image("A", 7)) == []
    assert joining.second(update("A", 8)) == []
    assert joining.first(update("A", 6)) == [update("A", 6)]
    assert not joining.joined("A")
    assert joining.first(update("A", 7)) == [update("A", 7), update("A", 8)]
    assert joining.joined("A")
    assert joining.first(update("A", 8)) == []
    assert joining.repeated == 1


def test_other_messages_pass() -> None:
    joining = Joining(identify, lambda symbol: None)
    assert joining.first(b"trade") == joining.second(b"trade") == [b"trade"]


def test_a_quiet_book_is_joined_by_an_image_of_the_same_id() -> None:
    joining = Joining(identify, lambda symbol: 5)
    assert joining.second(image("A", 5)) == []
    assert joining.joined("A")
