import Foundation
import Registry
import Sealing
import Testing
import Text

/// Something that changes a registry, tried with every fault at every call.
struct FaultOperation: Sendable, CustomTestStringConvertible {
    let name: String
    /// Makes the home that every case starts from; the registry is closed afterwards.
    var prepare: @Sendable (TestHome) throws -> Void = { home in
        try home.create()
        try FaultFixture.populate(home)
    }
    /// Whether the registry is opened before, by calls that do not fail.
    var isOnOpenRegistry = true
    /// What is done first, by calls that do not fail, in the same process.
    var arrange: @Sendable (FaultSession) throws -> Void = { _ in }
    /// What is tried.
    let run: @Sendable (FaultSession) throws -> Void
    /// Whether it may be done again when it was done.
    var isRepeatable = false
    /// How the log's lines count where what is logged depends on how often it was tried.
    var event: @Sendable (String) -> String? = { $0 }
    /// What has to hold in the end, besides the state.
    var check: @Sendable (FaultSession) throws -> Void = { _ in }

    var testDescription: String { name }

    /// All that is tried.
    static let all: [FaultOperation] = [
        publish, setAlias, served, rejected, rollback, reject, validated, failedAgain,
        deleteVersion, deleteAlias, abort, collect, rotate, create, start, startOnFormer, close,
    ]

    private static let ann = "cert:ann"

    private static let publish = FaultOperation(
        name: "publish",
        run: { session in
            let bundle = FaultFixture.new
            let registry = try session.opened
            let begun = try registry.beginPublish(bundle.request, principal: ann)
            if begun.version == nil { try bundle.send(begun.uploadID, to: registry) }
            _ = try registry.commit(uploadID: begun.uploadID, alias: "live", principal: ann)
        },
        isRepeatable: true
    )

    private static let setAlias = FaultOperation(name: "alias set") { session in
        _ = try session.opened.setAlias(
            model: "sentiment",
            alias: "live",
            version: 3,
            expectedGeneration: 2,
            overrides: MoveOverrides(allowsSignatureChange: true, isForced: true),
            principal: ann
        )
    }

    private static let served = settling(.served, "settle, served")
    private static let rejected = settling(.rejected(reason: "odd"), "settle, rejected")

    private static func settling(_ outcome: AliasSettlement, _ name: String) -> FaultOperation {
        FaultOperation(
            name: name,
            prepare: { home in
                try home.create()
                try FaultFixture.populate(home, isPending: true)
            },
            run: { session in
                let isSettled = try session.opened.settle(
                    model: "sentiment",
                    alias: "live",
                    generation: 3,
                    outcome: outcome
                )
                guard isSettled else { throw TestFailure(message: "the move is not settled") }
            },
            isRepeatable: true
        )
    }

    private static let rollback = FaultOperation(name: "rollback") { session in
        _ = try session.opened.rollback(model: "sentiment", alias: "live", principal: ann)
    }

    private static let reject = FaultOperation(
        name: "reject",
        prepare: { home in
            try home.create()
            try FaultFixture.populate(home, isPending: true)
        },
        run: { session in
            try session.opened.reject(model: "sentiment", version: 3, reason: "odd")
        },
        isRepeatable: true
    )

    private static let validated = validating(.passed, isRejected: true, "validate, passed")
    private static let failedAgain =
        validating(.failed(reason: "odd"), isRejected: false, "validate, failed")

    private static func validating(
        _ verdict: ValidationVerdict,
        isRejected: Bool,
        _ name: String
    ) -> FaultOperation {
        FaultOperation(
            name: name,
            prepare: { home in
                try home.create()
                try FaultFixture.populate(home)
                guard isRejected else { return }
                try home.open().reject(model: "sentiment", version: 3, reason: "odd")
            },
            run: { session in
                _ = try session.opened.settleValidation(
                    model: "sentiment",
                    version: 3,
                    verdict: verdict,
                    principal: ann
                )
            },
            isRepeatable: true
        )
    }

    private static let deleteVersion = FaultOperation(name: "delete version") { session in
        try session.opened.deleteVersion(model: "sentiment", version: 3, principal: ann)
    }

    private static let deleteAlias = FaultOperation(name: "delete alias") { session in
        try session.opened.deleteAlias(model: "sentiment", alias: "live", principal: ann)
    }

    private static let abort = FaultOperation(
        name: "abort",
        prepare: { home in
            try home.create()
            try FaultFixture.populate(home)
            let registry = try home.open()
            let begun = try registry.beginPublish(FaultFixture.new.request, principal: ann)
            try registry.chunk(begun.uploadID, 0, 0, FaultFixture.new.files[0].content)
        },
        run: { session in
            let registry = try session.opened
            for upload in try registry.openUploadIDs() {
                try registry.abort(uploadID: upload, principal: ann)
            }
        },
        isRepeatable: true
    )

    private static let create = FaultOperation(
        name: "create",
        prepare: { _ in },
        isOnOpenRegistry: false,
        run: { session in try session.home.create() }
    )

    /// As after a crash between a commit and its second place, with an upload cut short.
    private static let start = FaultOperation(
        name: "start",
        prepare: { home in
            try home.create()
            try FaultFixture.populate(home)
            try FaultFixture.setBack(home)
        },
        isOnOpenRegistry: false,
        run: { session in if session.registry == nil { try session.open() } },
        isRepeatable: true
    )

    /// The first start on a home of the former format.
    private static let startOnFormer = FaultOperation(
        name: "start on the former format",
        prepare: { home in
            try home.create()
            try FaultFixture.populate(home, isPending: true)
            try home.setFormerFormat()
        },
        isOnOpenRegistry: false,
        run: { session in if session.registry == nil { try session.open() } },
        isRepeatable: true,
        check: { session in
            let pending = try session.opened.pendingMove(
                model: "sentiment",
                alias: "live",
                generation: 3
            )
            guard pending != nil else { throw TestFailure(message: "the move is not there") }
        }
    )

    private static let close = FaultOperation(
        name: "close",
        arrange: { session in
            _ = try session.opened.setAlias(
                model: "sentiment",
                alias: "live",
                version: 3,
                principal: ann
            )
        },
        run: { session in session.close() },
        isRepeatable: true
    )
}

/// The content of the homes that faults are tried on.
enum FaultFixture {
    /// What is published while faults happen.
    static let new: TestBundle = {
        var bundle = TestBundle(content: patterned(300, seed: 9), key: "new")
        bundle.files.append(("golden/0.json", patterned(50, seed: 10)))
        return bundle
    }()

    /// What the versions hold.
    static func bundle(_ version: UInt64) -> TestBundle {
        version == 4
            ? new : TestBundle(content: patterned(100, seed: version), key: "k\(version)")
    }

    /// Three versions of a model, two of which served.
    static func populate(_ home: TestHome, isPending: Bool = false) throws {
        let registry = try home.open()
        for version in 1...3 as ClosedRange<UInt64> {
            let committed = try registry.publish(
                bundle(version),
                alias: version < 3 || isPending ? "live" : nil
            )
            guard version < 3, let move = committed.move else { continue }
            _ = try registry.settle(
                model: "sentiment",
                alias: "live",
                generation: move.generation,
                outcome: .served
            )
        }
    }

    /// Puts the second place one behind, and leaves something of an upload.
    static func setBack(_ home: TestHome) throws {
        let path = home.path + "/keys/sequence"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard let sequence = UInt64(text.dropLast()) else {
            throw TestFailure(message: "no sequence")
        }
        try "\(sequence - 1)\n".write(toFile: path, atomically: false, encoding: .utf8)
        try leaveUpload(home)
    }
}
