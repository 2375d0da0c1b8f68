internal import Registry
internal import Sealing
internal import Text

/// The parts of a version that a load needs, wherever its files come from.
struct LoadableVersion: Sendable {
    let id: VersionID
    let card: Card
    /// Plaintext bytes of its files.
    let sizes: [ExactString: UInt64]
    /// Reads a whole file. Blocking.
    let read: @Sendable (ExactString) throws -> SecretBuffer

    /// Describes a version.
    init(
        id: VersionID,
        card: Card,
        sizes: [ExactString: UInt64],
        read: @escaping @Sendable (ExactString) throws -> SecretBuffer
    ) {
        self.id = id
        self.card = card
        self.sizes = sizes
        self.read = read
    }

    /// A version that this process decrypts. It is kept for as long as the value is.
    init(_ opened: OpenedVersion) {
        self.init(
            id: opened.id,
            card: opened.card,
            sizes: Dictionary(
                opened.files.map { ($0.path, $0.size) },
                uniquingKeysWith: { first, _ in first }
            ),
            read: { try opened.read($0) }
        )
    }
}
