/// A host's breach of the protocol with the server, with the fact that shows it.
struct ProtocolBreach: Error {
    let text: String

    init(_ text: String) {
        self.text = text
    }
}
