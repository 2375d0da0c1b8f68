internal import Synchronization
internal import Text

/// Tensors in files in memory, while a runtime makes copies of them one by one: what it has copied
/// is given back at once.
final class CopiedTensors: Sendable {
    private let files: ExternalFiles
    private let waiting: Mutex<[ExactString: ExternalTensor]>

    /// - Parameters:
    ///   - tensors: Of different names, in the files. Those that share a byte with another stay
    ///     until the files go.
    init(_ tensors: [ExternalTensor], in files: ExternalFiles) {
        self.files = files
        let apart = Self.apart(tensors).map { ($0.name, $0) }
        waiting = Mutex(Dictionary(apart, uniquingKeysWith: { first, _ in first }))
    }

    /// Takes note that a tensor was copied; of a name that is none of theirs, or was told before,
    /// nothing follows.
    func copied(_ name: ExactString) {
        guard let tensor = waiting.withLock({ $0.removeValue(forKey: name) }) else { return }
        files.file(of: tensor).giveBack(tensor.range)
    }

    /// Those that share no byte with another.
    static func apart(_ tensors: [ExternalTensor]) -> [ExternalTensor] {
        let ordered = tensors.sorted { ($0.location, $0.offset) < ($1.location, $1.offset) }
        var isShared = [Bool](repeating: false, count: ordered.count)
        /// Of those of the same file that were looked at, the one that ends last.
        var furthest: Int?
        for (index, tensor) in ordered.enumerated() {
            guard let known = furthest, ordered[known].location == tensor.location else {
                furthest = index
                continue
            }
            if ordered[known].end > tensor.offset {
                isShared[known] = true
                isShared[index] = true
            }
            if ordered[known].end < tensor.end { furthest = index }
        }
        return zip(ordered, isShared).filter { !$0.1 }.map(\.0)
    }
}

extension ExternalTensor {
    /// Where the data ends in the file, which it was found to fit.
    fileprivate var end: UInt64 { offset + byteCount }
}
