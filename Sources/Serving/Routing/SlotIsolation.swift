package import Engine
package import Registry

/// The process in which a version runs, and the reason.
package struct SlotIsolation: Sendable, Hashable {
    /// Whether it runs in an engine host; else in the server.
    package let isHosted: Bool
    /// The reason, as a clause.
    package let why: String
    /// The node of the graph that is the reason, as messages describe it.
    package let node: String?

    /// Describes a place.
    package init(isHosted: Bool, why: String, node: String? = nil) {
        self.isHosted = isHosted
        self.why = why
        self.node = node
    }

    /// The place of a version: the stronger of its card's mode and the server's counts.
    ///
    /// - Parameters:
    ///   - card: The card's key `isolation`.
    ///   - minimum: The server's key `isolation.minimum`.
    ///   - verdict: The verdict of the server's own analysis of the graph.
    package init(card: Card.Isolation, minimum: Card.Isolation, verdict: IsolationVerdict) {
        switch (max(card, minimum), verdict) {
        case (.process, _):
            let why =
                card == .process
                ? "the card asks for it" : "the server's isolation.minimum is process"
            self.init(isHosted: true, why: why)
        case (.none, _):
            self.init(isHosted: false, why: "the card and the server's configuration allow it")
        case (.auto, .safe):
            self.init(
                isHosted: false,
                why: "every operator is safe for any value and every size is proved"
            )
        case (.auto, .needsHost(let why, let node)):
            self.init(isHosted: true, why: why, node: node)
        }
    }

    /// The place of versions of a server that runs no hosts.
    static let server = SlotIsolation(isHosted: false, why: "the server runs no engine hosts")

    /// The mode in which the version runs, as the card's key `isolation` names it.
    package var mode: String { (isHosted ? Card.Isolation.process : .none).rawValue }
}
