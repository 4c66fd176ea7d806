"""Kafka's default partitioner for keyed messages."""


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit murmur2 hash of `data`, as an unsigned integer."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition Kafka's default partitioner gives `key`, in ``range(partitions)``."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
