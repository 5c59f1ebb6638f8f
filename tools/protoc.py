"""Compile src/deltawire/wire/deltawire.proto; a test says when this must be run again."""

import sys
from pathlib import Path

from grpc_tools import protoc

ROOM = Path(__file__).resolve().parent.parent / "src" / "deltawire" / "wire"


def main(into: str) -> int:
    """Write deltawire_pb2.py and its types."""
    return int(
        protoc.main(["protoc", f"-I{ROOM}", f"--python_out={into}", f"--pyi_out={into}", "deltawire.proto"])
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(ROOM)))
