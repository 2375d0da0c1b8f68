internal import CHosting
package import Engine
internal import Synchronization

/// The host's side of a ``HostChannel``: the threads that run the model, one for each lane.
///
/// It uses neither Dispatch nor Swift concurrency. It opens no file: areas come as descriptors, one
/// at a time, and each is closed as soon as it is mapped, as the shared memory's own is.
package final class HostLanes: Sendable {
    private let memory: SharedMemory
    private let workers: [LaneWorker]

    /// Maps the shared memory.
    ///
    /// - Parameter memoryDescriptor: Taken over.
    /// - Throws: `outOfMemory` if it cannot be mapped.
    package init(memoryDescriptor: Int32) throws(EngineError) {
        let memory = try SharedMemory(mapping: OwnedDescriptor(memoryDescriptor))
        self.memory = memory
        workers = (0..<ChannelLayout(reading: memory).lanes).map { LaneWorker($0, in: memory) }
    }

    deinit {
        for worker in workers { worker.end() }
    }

    /// The address of the 32-bit word for the number of a forbidden system call.
    package var forbiddenCallAddress: UInt {
        unsafe UInt(bitPattern: ChannelLayout.forbiddenCall(in: memory))
    }

    /// Starts the threads, which wait for a model. When the call returns, each has made the system
    /// calls of its start: a sandbox may then forbid them.
    ///
    /// - Returns: Whether the system had all of them; the lanes take no runs if not.
    package func startThreads() -> Bool {
        guard workers.allSatisfy({ $0.start() }) else { return false }
        for worker in workers { worker.awaitStart() }
        return true
    }

    /// Lets the lanes take runs of a model. The model stays for as long as the threads do.
    package func serve(_ model: any InferenceModel) {
        for worker in workers { worker.serve(model) }
    }

    /// Takes a terminate or area frame, from the thread that reads the control socket. Other
    /// frames do nothing.
    package func take(_ frame: Frame) {
        switch frame.kind {
        case .terminate:
            guard let notice = TerminateNotice(frame.payload) else { return }
            worker(notice.lane)?.terminate(notice.run)
        case .area:
            guard let notice = AreaNotice(frame.payload), let descriptor = frame.descriptor,
                let area = try? SharedMemory(mapping: descriptor)
            else { return }
            worker(notice.lane)?.add(area, number: notice.number)
        case .message, .bytes:
            return
        }
    }

    private func worker(_ index: Int) -> LaneWorker? {
        workers.indices.contains(index) ? workers[index] : nil
    }
}
