internal import Engine
internal import Glibc

/// An estimate of the memory of larger runs, from what smaller ones were seen to take.
///
/// A run's own peak cannot be asked for; the peak of the process can. It says what a run took where
/// it rises, and a bound where it does not.
struct BatchMemory {
    /// The part of the available memory that a run of the check may take: one in so many.
    static let share: UInt64 = 2
    /// A need of fewer bytes is not compared with what the system has.
    static let smallBytes: UInt64 = 64 << 20

    private let system: SystemMemory
    /// Resident memory before the first run.
    private let baseBytes: UInt64
    /// The largest run of which something is known: its rows, and the bytes that it took.
    private var known: (rows: Int, bytes: UInt64)?

    init(_ system: SystemMemory = .system) {
        self.system = system
        baseBytes = system.ownBytes
    }

    /// Whether a run of so many rows would find memory. It asks the heap for the inputs as well:
    /// their copy could not fail without ending the process.
    func hasRoom(rows: Int, inputBytes: Int) -> Bool {
        guard Self.canAllocate(2 * inputBytes) else { return false }
        guard let need = need(rows: rows), need > Self.smallBytes else { return true }
        let own = system.ownBytes
        let held = own > baseBytes ? own - baseBytes : 0
        return need <= system.now().availableBytes / Self.share + held
    }

    /// The peak before a run.
    func begin() -> UInt64 { system.peakBytes }

    /// Notes that a run has ended, well or not.
    mutating func end(_ peakBefore: UInt64, rows: Int) {
        guard rows >= known?.rows ?? 0 else { return }
        let peak = system.peakBytes
        let most = peak > baseBytes ? peak - baseBytes : 0
        if peak > peakBefore {
            known = (rows, most)
        } else if let need = need(rows: rows) {
            known = (rows, min(need, most))
        }
    }

    private func need(rows: Int) -> UInt64? {
        guard let known else { return nil }
        return UInt64(Double(known.bytes) / Double(known.rows) * Double(rows))
    }

    private static func canAllocate(_ bytes: Int) -> Bool {
        guard let memory = unsafe malloc(max(bytes, 1)) else { return false }
        unsafe free(memory)
        return true
    }
}
