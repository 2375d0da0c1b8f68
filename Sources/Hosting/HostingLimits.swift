/// The limits of the shared memory and of the socket between the server and an engine host.
package enum HostingLimits {
    /// Bytes of a control frame's payload, inclusive: 8 MiB, for an order with a card and its paths.
    package static let maxFrameBytes = 8 << 20
    /// Lanes of one host.
    package static let maxLanes = 256
    /// Bytes of the ring, inclusive: 64 GiB.
    package static let maxRingBytes = 1 << 36
    /// Bytes of the largest area, inclusive: 64 GiB.
    static let maxAreaBytes = 1 << 36
    /// One host may hold this part of the budget for areas: half of it.
    static let budgetShare = 2
    /// Bytes of an output that the server copies out of the ring, inclusive, so that the ring has
    /// the room back at once.
    static let maxCopiedOutputBytes = 4_096
    /// UTF-8 bytes of an error's message in a reply.
    static let maxMessageBytes = 4_096
    /// UTF-8 bytes of an error's detail in a reply.
    static let maxDetailBytes = 8_192
    /// The time after which a run without a limit of its own is over its limit.
    static let defaultRunSeconds: UInt64 = 3_600
    /// The time between a terminate message at the limit of a run and the end of the host.
    static let terminateGraceMilliseconds: UInt64 = 250
    /// The longest sleep of a thread that waits for a reply: the thread then looks whether the
    /// host has ended.
    static let lookMilliseconds: UInt64 = 100
    /// Wake-ups without a reply, after which a host breaks the protocol.
    static let maxFalseWakes = 10_000
    /// The time within which the kernel takes a control frame that announces an area.
    static let sendSeconds = 5
    /// The time within which the end of a host that takes no frame is expected to be known.
    static let endNoticeMilliseconds: UInt64 = 1_000
    /// The time for which a lane waits for an announced area.
    static let areaSeconds: UInt64 = 10
}
