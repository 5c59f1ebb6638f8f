"""Run Autobahn|Testsuite's fuzzing client against `deltawire serve --echo`; print the tally and what deviates.

The suite itself needs CPython 2.7 and is not ours to carry: WSTEST names its program. Arguments are case patterns.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"}
"""As the suite itself counts; every case that is not OK is printed all the same."""
GOOD_CLOSE = {"OK", "INFORMATIONAL"}
WITHIN_S = 900


def main(cases: list[str]) -> int:
    """0 when no case failed."""
    wstest = os.environ.get("WSTEST", "")
    if not Path(wstest).is_file():
        print(
            "set WSTEST to the wstest program of Autobahn|Testsuite (pip install autobahntestsuite, CPython 2.7)"
        )
        return 2
    command = [sys.executable, "-m", "deltawire", "serve", "--echo", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            return judge(_run(wstest, _port(server), cases or CASES, Path(folder)))
        finally:
            server.send_signal(signal.SIGTERM)


def _port(server: "subprocess.Popen[str]") -> int:
    for line in server.stdout or ():
        if match := re.search(r"ws://[^:]+:(\d+)/", line):
            return int(match[1])
    raise SystemExit("the server did not start")


def _run(wstest: str, port: int, cases: list[str], folder: Path) -> dict[str, dict[str, str]]:
    target = {"agent": "deltawire", "url": f"ws://127.0.0.1:{port}/echo"}
    spec = {"outdir": str(folder), "servers": [target], "cases": cases}
    spec |= {"exclude-cases": [], "exclude-agent-cases": {}}
    (folder / "spec.json").write_text(json.dumps(spec))
    subprocess.run(
        [wstest, "-m", "fuzzingclient", "-s", str(folder / "spec.json"), "-u", "0"],
        stdout=subprocess.DEVNULL,
        timeout=WITHIN_S,
        check=True,
    )
    found: dict[str, dict[str, str]] = json.loads((folder / "index.json").read_text())["deltawire"]
    return found


def judge(results: dict[str, dict[str, str]]) -> int:
    """Print the tally; 0 when no case failed."""
    tally = Counter(result["behavior"] for result in results.values())
    print(f"{len(results)} cases: {', '.join(f'{count} {name}' for name, count in tally.most_common())}")
    for name in sorted(results, key=lambda case: [int(part) for part in case.split(".")]):
        behaviour, closing = results[name]["behavior"], results[name]["behaviorClose"]
        if (behaviour, closing) not in {("OK", "OK"), ("UNIMPLEMENTED", "OK")}:
            print(f"  {name}: {behaviour}, close {closing} {results[name].get('remoteCloseCode')}")
    return int(
        any(r["behavior"] not in GOOD or r["behaviorClose"] not in GOOD_CLOSE for r in results.values())
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
