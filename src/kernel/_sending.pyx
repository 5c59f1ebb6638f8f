# distutils: language = c++
# cython: language_level=3, boundscheck=False, wraparound=False, binding=False
"""The fan-out's inner loop: one buffer to many descriptors. See `deltawire.gateway.outgoing`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libcpp.vector cimport vector


cdef extern from "<sys/socket.h>" nogil:
    ssize_t send(int, const void*, size_t, int)
    const int MSG_DONTWAIT


cdef extern from *:
    """
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    """
    const int MSG_NOSIGNAL


cdef class DirectWriter:
    """Writes to the sockets of direct sinks; what one does not take whole is for its sink to go on with.

    The descriptors are looked up once: whoever holds this must drop it before any of them is closed.
    """

    cdef tuple sinks
    cdef vector[int] descriptors

    def __init__(self, tuple sinks):
        self.sinks = sinks
        for sink in sinks:
            self.descriptors.push_back(sink.fileno())

    def __call__(self, bytes data):
        """The same bytes to all, in order."""
        cdef const char* start = PyBytes_AS_STRING(data)
        cdef size_t size = PyBytes_GET_SIZE(data)
        cdef size_t count = self.descriptors.size()
        cdef size_t i = 0
        cdef ssize_t sent = 0
        while i < count:
            with nogil:
                while i < count:
                    sent = send(self.descriptors[i], start, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                    if sent != <ssize_t>size:
                        break
                    i += 1
            if i < count:
                self.sinks[i].write_rest(data[sent if sent > 0 else 0 :])
                i += 1
