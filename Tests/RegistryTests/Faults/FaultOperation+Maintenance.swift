import Foundation
import Registry
import Testing

/// What operators do to the whole of a registry.
extension FaultOperation {
    private static let operators = "cert:ops"

    /// A deleted version's blobs, a blob that a crash has left, and the folder of an upload that
    /// is over; beside an upload that is open, whose blob stays.
    static let collect = FaultOperation(
        name: "collect",
        prepare: { home in
            try home.create()
            try FaultFixture.populate(home)
            let registry = try home.open()
            try registry.deleteVersion(model: "sentiment", version: 3, principal: operators)
            let begun = try registry.beginPublish(
                FaultFixture.new.request,
                principal: operators
            )
            try registry.chunk(
                begun.uploadID,
                0,
                0,
                FaultFixture.new.files[0].content,
                principal: operators
            )
            try FaultFixture.leaveBlob(home)
        },
        // A start removes such folders by itself, so it comes to be after it.
        arrange: { session in try FaultFixture.leaveUpload(session.home) },
        run: { session in
            let collected = try session.opened.collect(apply: true, principal: operators)
            guard collected.failed == 0 else {
                throw TestFailure(message: "not all is freed: \(collected)")
            }
        },
        isRepeatable: true,
        // Files go one by one, and each try logs what it has freed.
        event: { $0.contains(" collect ") ? nil : $0 },
        check: { session in
            guard try session.opened.openUploadIDs().count == 1 else {
                throw TestFailure(message: "the open upload is gone")
            }
        }
    )

    /// A new key, under which every data key and the signing key come, and the old one's
    /// retirement.
    static let rotate = FaultOperation(
        name: "rotate keys",
        run: { session in
            let rotation = try session.opened.rotateKeys(
                signingKeyFolder: session.home.path + "/keys",
                principal: operators
            )
            guard rotation.failures.isEmpty else {
                throw TestFailure(message: "\(rotation.failures)")
            }
        },
        // It goes on where it was, key by key; the event says what the last try did.
        event: { $0.contains(" key.rotate ") ? "key.rotate" : $0 },
        check: { session in try FaultFixture.checkOneKey(session.home) }
    )
}

extension FaultFixture {
    private static let someID = String(repeating: "a", count: 32)
    private static let someDigest = String(repeating: "ab", count: 32)

    /// Leaves something of an upload that is over.
    static func leaveUpload(_ home: TestHome) throws {
        try leave(home, "uploads/\(someID)", "0")
    }

    /// Leaves a blob that nothing refers to.
    static func leaveBlob(_ home: TestHome) throws {
        try leave(home, "blobs/ab", someDigest)
    }

    private static func leave(_ home: TestHome, _ folder: String, _ name: String) throws {
        let path = "\(home.path)/store/\(folder)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data(patterned(20)).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// All is under the current key, which is the only one that is not retired.
    static func checkOneKey(_ home: TestHome) throws {
        let keys = home.path + "/keys"
        let current = try String(contentsOfFile: keys + "/kek-current", encoding: .utf8)
            .dropLast()
        let names = try FileManager.default.contentsOfDirectory(atPath: keys)
        let wrapped = try KeyCounts.read(home.layout).wrapped
        // Three versions' keys and the registry's own.
        guard wrapped == [String(current): 4],
            names.filter({ $0.hasSuffix(".key") && $0.hasPrefix("kek-") })
                == ["kek-\(current).key"],
            try !FileManager.default.contentsOfDirectory(atPath: keys + "/retired").isEmpty
        else { throw TestFailure(message: "keys: \(wrapped), files: \(names.sorted())") }
    }
}
