/// The server's side of a lane: one run at a time.
final class ServerLane: @unchecked Sendable {
    // Unchecked: `latest` belongs to the thread that has taken the lane from its channel.

    let index: Int
    let memory: LaneMemory
    /// The number of the latest request.
    private(set) var latest: UInt32 = 0

    /// Added to the word for replies at the end of the host; far from the next number.
    static let endMark: UInt32 = 1 << 30

    init(_ index: Int, in memory: SharedMemory) {
        self.index = index
        self.memory = LaneMemory(index, in: memory)
    }

    /// Sends the request that was written to the lane.
    ///
    /// - Returns: Its number.
    func post() -> UInt32 {
        latest &+= 1
        memory.store(.request, latest)
        // The host stores the flag before it sleeps on the word: it sees the number, or the flag
        // is seen here.
        if memory.load(.hostSleeps) != 0 { memory.wake(.request) }
        return latest
    }
}
