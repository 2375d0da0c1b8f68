internal import Server
internal import UnixSignals

/// What a command does that has to clean up after itself, also when it is told to end.
enum Interruption {
    /// Runs `body`; SIGINT and SIGTERM cancel its task, and it is waited for.
    /// - Throws: what `body` throws; ``ServerError`` when it was told to end.
    static func cancelling<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in signals { break }
                return nil
            }
            let first = try await group.next()
            group.cancelAll()
            if case .some(.some(let result)) = first { return result }
            // It may have come to its end all the same; if not, that it was told to is why.
            let last = try? await group.next()
            if case .some(.some(let result)) = last { return result }
            throw ServerError("interrupted")
        }
    }
}
