extension Registry {
    /// Leaves a durable mark that a load of a version begins in this process.
    ///
    /// If the process dies before ``endLoad(model:version:)`` the mark stays: whoever starts
    /// again can see that this version was being loaded when it died, and need not die again.
    ///
    /// - Returns: How many loads of it had begun and never ended.
    package func beginLoad(model: String, version: UInt64) throws -> Int {
        try metadata.write { try $0.beginLoad(model: model, version: version) }
    }

    /// Takes the marks of a version's loads away: the load ended, well or not.
    package func endLoad(model: String, version: UInt64) throws {
        try metadata.write { try $0.endLoad(model: model, version: version) }
    }
}
