"""Compile src/deltawire/wire/deltawire.proto; a test says when this must be run again.

The module holds the schema, and protobuf makes the classes when it is imported: what protoc generates for Python
refuses any runtime that is older than protoc, and after two major versions any that is newer.
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

ROOM = Path(__file__).resolve().parent.parent / "src" / "deltawire" / "wire"
MODULE = '''"""The messages of deltawire.proto. Made by tools/protoc.py: do not edit."""

from google.protobuf import descriptor_pool, message_factory

DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(
    {schema}
)
{classes}
'''
CLASS = '{name} = message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name["{name}"])'


def main(into: str) -> int:
    """Write deltawire_pb2.py and its types."""
    with tempfile.TemporaryDirectory() as scratch:
        compiled = Path(scratch) / "set"
        arguments = [f"-I{ROOM}", f"--descriptor_set_out={compiled}", f"--pyi_out={into}", "deltawire.proto"]
        if code := int(protoc.main(["protoc", *arguments])):
            return code
        (schema,) = FileDescriptorSet.FromString(compiled.read_bytes()).file
    classes = "\n".join(CLASS.format(name=message.name) for message in schema.message_type)
    module = MODULE.format(schema=schema.SerializeToString(deterministic=True), classes=classes)
    (Path(into) / "deltawire_pb2.py").write_text(module)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(ROOM)))
