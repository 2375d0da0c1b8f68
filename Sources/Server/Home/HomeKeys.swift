internal import Platform
package import Sealing

/// The keys of a home: the source that the configuration names, and the folder that holds what
/// lies beside the key-encryption keys.
package struct HomeKeys: Sendable {
    package let provider: any KeyProvider
    /// Holds the signing key and the highest sequence seen: the source's own folder, or the
    /// home's where the source is none.
    package let folder: String

    /// - Parameters:
    ///   - source: as for `init --keys`; nil: the home's own folder.
    ///   - trust: the rules by which key files are used or refused.
    /// - Throws: ``ServerError`` without key bytes in it.
    package static func open(
        _ home: Home,
        source: String?,
        trust: HomeTrust = .strict
    ) throws(ServerError) -> HomeKeys {
        try make(home, source: source) { source throws(SealingError) in
            try source.open(beside: home.keys, calls: trust.calls)
        }
    }

    /// As ``open(_:source:trust:)``, with the first key made where the source can hold one.
    static func create(_ home: Home, source: String?) throws(ServerError) -> HomeKeys {
        try make(home, source: source) { source throws(SealingError) in
            try source.create(beside: home.keys)
        }
    }

    /// The folder that holds what lies beside the key-encryption keys, which need not open.
    /// - Throws: ``ServerError`` for a source that is none.
    static func folder(_ home: Home, source: String?) throws(ServerError) -> String {
        guard let source else { return home.keys }
        do {
            guard case .folder(let path) = try KeySource.parse(source) else { return home.keys }
            return path
        } catch {
            throw ServerError(of: error)
        }
    }

    private static func make(
        _ home: Home,
        source text: String?,
        _ provider: (KeySource) throws(SealingError) -> any KeyProvider
    ) throws(ServerError) -> HomeKeys {
        do {
            let source =
                try text.map { text throws(SealingError) in try KeySource.parse(text) }
                ?? .folder(home.keys)
            var folder = home.keys
            if case .folder(let path) = source { folder = path }
            return HomeKeys(provider: try provider(source), folder: folder)
        } catch {
            throw ServerError(
                error.message,
                hint: "'keys' in strongroom.yaml says where the keys are"
            )
        }
    }

    var sequencePath: String { folder + "/sequence" }
}
