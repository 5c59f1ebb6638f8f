from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Notification(_message.Message):
    __slots__ = ("number", "seq", "conflated", "opened", "book", "grouped_book", "json", "stamps", "behind")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CONFLATED_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    GROUPED_BOOK_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    STAMPS_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    number: int
    seq: int
    conflated: int
    opened: Opened
    book: Book
    grouped_book: GroupedBook
    json: bytes
    stamps: Stamps
    behind: int
    def __init__(self, number: _Optional[int] = ..., seq: _Optional[int] = ..., conflated: _Optional[int] = ..., opened: _Optional[_Union[Opened, _Mapping]] = ..., book: _Optional[_Union[Book, _Mapping]] = ..., grouped_book: _Optional[_Union[GroupedBook, _Mapping]] = ..., json: _Optional[bytes] = ..., stamps: _Optional[_Union[Stamps, _Mapping]] = ..., behind: _Optional[int] = ...) -> None: ...

class Stamps(_message.Message):
    __slots__ = ("venue_ns", "seen_ns", "sent_ns")
    VENUE_NS_FIELD_NUMBER: _ClassVar[int]
    SEEN_NS_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    venue_ns: int
    seen_ns: int
    sent_ns: int
    def __init__(self, venue_ns: _Optional[int] = ..., seen_ns: _Optional[int] = ..., sent_ns: _Optional[int] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("channel", "epoch", "instrument_name")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    channel: str
    epoch: str
    instrument_name: str
    def __init__(self, channel: _Optional[str] = ..., epoch: _Optional[str] = ..., instrument_name: _Optional[str] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ("state", "reason", "detail")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    state: str
    reason: str
    detail: str
    def __init__(self, state: _Optional[str] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Book(_message.Message):
    __slots__ = ("timestamp_ms", "change_id", "behind", "price_exponent", "size_exponent", "exponents_are_news", "bid_prices", "bid_sizes", "ask_prices", "ask_sizes", "checksum", "status", "image", "price_zeros", "size_zeros", "range_is_news", "complete_levels", "bids_complete_to", "asks_complete_to")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    EXPONENTS_ARE_NEWS_FIELD_NUMBER: _ClassVar[int]
    BID_PRICES_FIELD_NUMBER: _ClassVar[int]
    BID_SIZES_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICES_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZES_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    PRICE_ZEROS_FIELD_NUMBER: _ClassVar[int]
    SIZE_ZEROS_FIELD_NUMBER: _ClassVar[int]
    RANGE_IS_NEWS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_LEVELS_FIELD_NUMBER: _ClassVar[int]
    BIDS_COMPLETE_TO_FIELD_NUMBER: _ClassVar[int]
    ASKS_COMPLETE_TO_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    change_id: int
    behind: int
    price_exponent: int
    size_exponent: int
    exponents_are_news: bool
    bid_prices: _containers.RepeatedScalarFieldContainer[int]
    bid_sizes: _containers.RepeatedScalarFieldContainer[int]
    ask_prices: _containers.RepeatedScalarFieldContainer[int]
    ask_sizes: _containers.RepeatedScalarFieldContainer[int]
    checksum: int
    status: Status
    image: bool
    price_zeros: int
    size_zeros: int
    range_is_news: bool
    complete_levels: int
    bids_complete_to: int
    asks_complete_to: int
    def __init__(self, timestamp_ms: _Optional[int] = ..., change_id: _Optional[int] = ..., behind: _Optional[int] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ..., exponents_are_news: _Optional[bool] = ..., bid_prices: _Optional[_Iterable[int]] = ..., bid_sizes: _Optional[_Iterable[int]] = ..., ask_prices: _Optional[_Iterable[int]] = ..., ask_sizes: _Optional[_Iterable[int]] = ..., checksum: _Optional[int] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., image: _Optional[bool] = ..., price_zeros: _Optional[int] = ..., size_zeros: _Optional[int] = ..., range_is_news: _Optional[bool] = ..., complete_levels: _Optional[int] = ..., bids_complete_to: _Optional[int] = ..., asks_complete_to: _Optional[int] = ...) -> None: ...

class GroupedBook(_message.Message):
    __slots__ = ("timestamp_ms", "change_id", "price_exponent", "size_exponent", "bid_prices", "bid_sizes", "ask_prices", "ask_sizes", "status", "price_zeros", "size_zeros")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    BID_PRICES_FIELD_NUMBER: _ClassVar[int]
    BID_SIZES_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICES_FIELD_NUMBER: _ClassVar[int]
    ASK_SIZES_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRICE_ZEROS_FIELD_NUMBER: _ClassVar[int]
    SIZE_ZEROS_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    change_id: int
    price_exponent: int
    size_exponent: int
    bid_prices: _containers.RepeatedScalarFieldContainer[int]
    bid_sizes: _containers.RepeatedScalarFieldContainer[int]
    ask_prices: _containers.RepeatedScalarFieldContainer[int]
    ask_sizes: _containers.RepeatedScalarFieldContainer[int]
    status: Status
    price_zeros: int
    size_zeros: int
    def __init__(self, timestamp_ms: _Optional[int] = ..., change_id: _Optional[int] = ..., price_exponent: _Optional[int] = ..., size_exponent: _Optional[int] = ..., bid_prices: _Optional[_Iterable[int]] = ..., bid_sizes: _Optional[_Iterable[int]] = ..., ask_prices: _Optional[_Iterable[int]] = ..., ask_sizes: _Optional[_Iterable[int]] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., price_zeros: _Optional[int] = ..., size_zeros: _Optional[int] = ...) -> None: ...
