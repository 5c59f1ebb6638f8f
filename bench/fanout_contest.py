"""Everyone in turn, round after round, so that what the machine does meanwhile meets all alike."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.fanout_pair import AbsentError, Contestant, Pair, Sample

Samples = dict[tuple[int, str], list[Sample]]
"""By messages per tick and contestant: a sample per round."""


class Contest:
    """Contestants with the same number of subscribers; who fails is out, and told."""

    def __init__(self, contestants: Sequence[Contestant], receiver: Path, subscribers: int) -> None:
        self.samples: Samples = defaultdict(list)
        self._subscribers = subscribers
        self._pairs = [Pair(contestant, receiver, subscribers) for contestant in contestants]

    def run(self, messages: Sequence[int], rounds: int, window_s: float) -> Samples:
        """Measure everyone once a round for each number of messages; every round begins with another."""
        try:
            for pair in list(self._pairs):
                with self._out_if_absent(pair):
                    pair.wait()
            for number in range(rounds):
                for count in messages:
                    self._go_round(number, count, window_s)
        finally:
            for pair in self._pairs:
                pair.stop()
        return self.samples

    def _go_round(self, number: int, messages: int, window_s: float) -> None:
        first = number % max(1, len(self._pairs))
        for pair in self._pairs[first:] + self._pairs[:first]:
            with self._out_if_absent(pair):
                sample = pair.measure(messages, window_s)
                self.samples[messages, pair.contestant.name].append(sample)

    @contextmanager
    def _out_if_absent(self, pair: Pair) -> Iterator[None]:
        try:
            yield
        except AbsentError as reason:
            name = pair.contestant.name
            print(f"  not measured with {self._subscribers:,} subscribers: {name}: {reason}", flush=True)
            pair.stop()
            self._pairs.remove(pair)
            for key in [key for key in self.samples if key[1] == name]:
                del self.samples[key]
