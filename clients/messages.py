"""What stands in Flower's messages to and from a client."""

from flwr.app import ConfigRecord, Message, RecordDict

from privacy.errors import FedcrucibleError
from privacy.protections.protocol import Fields
from scenarios.plans import Plan


def plan_of(message: Message) -> Plan:
    """The plan that comes with every message. Raises FedcrucibleError where there is none."""
    return Plan.from_fields(_config(message, "plan"))


def request_of(message: Message) -> Fields:
    """What the protection asks: its phase and its fields. Raises FedcrucibleError where it asks nothing."""
    fields = _config(message, "request").items()
    return {name: value for name, value in fields if isinstance(value, bytes | str | int | float)}


def reply_to(message: Message, fields: Fields) -> Message:
    """A reply of scalar fields."""
    return Message(RecordDict({"reply": ConfigRecord(dict(fields))}), reply_to=message)


def _config(message: Message, name: str) -> ConfigRecord:
    record = message.content[name]
    if not isinstance(record, ConfigRecord):
        raise FedcrucibleError(f"the message's {name!r} is not a ConfigRecord")
    return record
