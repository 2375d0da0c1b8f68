internal import Dispatch
internal import Engine
internal import Synchronization

/// Frees models off the request path, and has the allocator give their memory back to the system.
///
/// Giving back takes the locks of all heaps for a moment, those of the threads that serve too. So it
/// is not done by a thread that stepped back, which could be kept from working while it has them,
/// and small models are given back together, a moment later.
final class Disposal: Sendable {
    /// That much freed memory is given back at once; it is also what may stay until then.
    static let atOnceBytes: UInt64 = 32 << 20
    /// How long less than that waits.
    static let waitMilliseconds = 1_000

    static let shared = Disposal()

    private struct Freed {
        var bytes: UInt64 = 0
        var meters: [(meter: VersionMeter, bytes: UInt64)] = []
        var threads: [ObjectIdentifier: LastingThread] = [:]
    }

    private let queue = DispatchQueue(label: "strongroom.unload", qos: .utility)
    /// Where models are freed: that takes a while for large ones, and requests do not wait for it.
    private let quiet = LastingThread(.quiet, name: "unload")
    /// Where memory is given back.
    private let prompt = LastingThread(.inherited, name: "give-back")
    /// What was freed and not given back yet.
    private let freed = Mutex(Freed())

    private init() {}

    /// The last reference to a model.
    private final class Last: Sendable {
        private let model: Mutex<(any InferenceModel)?>

        init(_ model: any InferenceModel) { self.model = Mutex(model) }

        func drop() {
            let model = model.withLock { model in
                defer { model = nil }
                return model
            }
            withExtendedLifetime(model) {}
        }
    }

    /// Takes the last reference to a model, so that it is not freed on the request path.
    ///
    /// - Parameters:
    ///   - isHosted: Whether it runs in an engine host: the end of the host gives its memory back.
    ///   - thread: The thread in whose heap the model lies.
    func take(
        _ model: any InferenceModel,
        meter: VersionMeter,
        bytes: UInt64,
        isHosted: Bool = false,
        loadedOn thread: LastingThread?
    ) {
        let last = Last(model)
        queue.async {
            if isHosted {
                // On the queue's own thread, of normal priority: the host's memory is wanted back.
                last.drop()
                meter.unloaded(bytes)
            } else {
                self.quiet.run { last.drop() }
                self.note(meter, bytes, thread)
            }
        }
    }

    /// Drops a value that may hold the last reference to a model, for a thread at idle priority:
    /// it must not wake a queue, whose threads would inherit that.
    func release(_ value: some Sendable) {
        prompt.begin { withExtendedLifetime(value) {} }
    }

    /// Gives the free pages within all heaps back to the system.
    func giveBackFree() { prompt.begin { Heaps.giveBack() } }

    private func note(_ meter: VersionMeter, _ bytes: UInt64, _ thread: LastingThread?) {
        let (isFirst, total) = freed.withLock { freed in
            freed.bytes += bytes
            freed.meters.append((meter, bytes))
            if let thread { freed.threads[ObjectIdentifier(thread)] = thread }
            return (freed.meters.count == 1, freed.bytes)
        }
        if total >= Self.atOnceBytes {
            giveBack()
        } else if isFirst {
            queue.asyncAfter(deadline: .now() + .milliseconds(Self.waitMilliseconds)) {
                self.giveBack()
            }
        }
    }

    /// - Parameter idle: Threads that load nothing now: their heaps are waited for.
    private func giveBack(waitingFor idle: [LastingThread] = []) {
        let freed = self.freed.withLock { freed in
            defer { freed = Freed() }
            return freed
        }
        guard !freed.meters.isEmpty else { return }
        prompt.run { Heaps.giveBack() }
        for thread in freed.threads.values {
            if idle.contains(where: { $0 === thread }) {
                thread.run { Heaps.trimOwn() }
            } else {
                thread.begin { Heaps.trimOwn() }
            }
        }
        for (meter, bytes) in freed.meters { meter.unloaded(bytes) }
    }

    /// Returns when the memory of all models that were let go of before is back.
    /// - Parameter threads: Where loads are made and none is under way.
    func finish(loadsOn threads: [LastingThread]) async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.giveBack(waitingFor: threads)
                continuation.resume()
            }
        }
    }
}
