import Foundation
import Registry
import Sealing
import Testing

@Suite("Notes of loads")
struct LoadNotesTests {
    private let home: TestHome

    init() throws {
        home = try TestHome()
        let registry = try home.open()
        let bundle = TestBundle(content: [1, 2, 3])
        _ = try registry.publish(bundle)
    }

    /// Does something with the one version, in a process of its own as it were.
    private func with<R>(_ body: (LoadNotes, OpenedVersion) throws -> R) throws -> R {
        let registry = try home.open()
        let version = try registry.open(model: "sentiment", version: 1)
        return try body(registry.loadNotes, version)
    }

    private func crashes() throws -> Int { try with { $0.crashes(of: $1) } }

    @Test("a load that ends leaves no note")
    func ended() throws {
        try with { notes, version in
            try notes.begin(version)
            #expect(notes.crashes(of: version) == 0)
            #expect(try home.files(below: "store/loads").count == 1)
            notes.end(version)
        }
        #expect(try home.files(below: "store/loads") == [])
        #expect(try crashes() == 0)
    }

    @Test("each process that ends within a load is counted, until a load ends")
    func crashed() throws {
        for count in 0..<3 {
            try with { notes, version in
                #expect(notes.crashes(of: version) == count)
                try notes.begin(version)
                #expect(notes.crashes(of: version) == count)
            }
        }
        #expect(try crashes() == 3)
        try with { notes, version in
            try notes.begin(version)
            notes.end(version)
            #expect(notes.crashes(of: version) == 0)
        }
        #expect(try crashes() == 0)
    }

    @Test("two loads at once are one, which ends with the last")
    func both() throws {
        try with { notes, version in
            try notes.begin(version)
            try notes.begin(version)
            notes.end(version)
            #expect(try home.files(below: "store/loads").count == 1)
            notes.end(version)
            notes.end(version)
        }
        #expect(try home.files(below: "store/loads") == [])
    }

    @Test("an end of the process that was asked for is not counted, and those before still are")
    func closed() throws {
        try with { notes, version in
            try notes.begin(version)
            notes.close()
            try notes.begin(version)
        }
        #expect(try crashes() == 0)
        try with { try $0.begin($1) }
        try with { notes, version in
            try notes.begin(version)
            notes.close()
            notes.end(version)
        }
        #expect(try crashes() == 1)
    }

    @Test("what somebody asks for again was never crashed at")
    func askedAgain() throws {
        try with { try $0.begin($1) }
        try with { notes, version in
            notes.forgetCrashes(model: "sentiment", version: 1)
            #expect(notes.crashes(of: version) == 0)
        }
    }

    @Test("that a version was tried stays known, until it is deleted")
    func checked() throws {
        try with { notes, version in
            #expect(!notes.isChecked(version))
            try notes.setChecked(version)
            #expect(notes.isChecked(version))
        }
        try with { notes, version in
            #expect(notes.isChecked(version))
            notes.forget(model: "sentiment", version: 1)
            #expect(!notes.isChecked(version))
        }
    }

    @Test(
        "a note that is damaged or of another bundle says nothing",
        arguments: [
            "", "\n", "00 1", "00 1\n", "00112233445566778899aabbccddeeff 5\n",
            String(repeating: "x", count: 200),
        ]
    )
    func damaged(text: String) throws {
        try with { notes, version in
            try notes.setChecked(version)
            try notes.begin(version)
        }
        for file in try home.files(below: "store/loads") {
            try text.write(toFile: file, atomically: false, encoding: .utf8)
        }
        try with { notes, version in
            #expect(!notes.isChecked(version))
            #expect(notes.crashes(of: version) == 0)
            try notes.begin(version)
        }
        #expect(try crashes() == 1)
    }

    @Test("a load that crashed a host is known to later processes, and is no crash of the server")
    func crashedHost() throws {
        try with { notes, version in
            #expect(!notes.hasCrashed(version))
            try notes.setCrashed(version)
            #expect(notes.hasCrashed(version))
        }
        try with { notes, version in
            #expect(notes.hasCrashed(version))
            #expect(notes.crashes(of: version) == 0 && !notes.hasOverrun(version))
            notes.forgetCrashes(model: "sentiment", version: 1)
            #expect(notes.hasCrashed(version))
            notes.forget(model: "sentiment", version: 1)
            #expect(!notes.hasCrashed(version))
        }
        #expect(try home.files(below: "store/loads") == [])
    }

    @Test("a load that went over a limit is known to later processes, and is no crash")
    func overrun() throws {
        try with { notes, version in
            try notes.begin(version)
            #expect(!notes.hasOverrun(version))
            try notes.setOverrun(version)
            #expect(notes.hasOverrun(version))
        }
        try with { notes, version in
            #expect(notes.hasOverrun(version))
            #expect(notes.crashes(of: version) == 0)
            notes.forgetCrashes(model: "sentiment", version: 1)
            #expect(notes.hasOverrun(version))
            notes.forget(model: "sentiment", version: 1)
            #expect(!notes.hasOverrun(version))
        }
        #expect(try home.files(below: "store/loads") == [])
    }

    @Test("a note that was not written with the registry's key says nothing")
    func foreignNotes() throws {
        try with { notes, version in
            try notes.setChecked(version)
            #expect(notes.isChecked(version))
        }
        let folder = home.path + "/store/loads/"
        let checked = try String(contentsOfFile: folder + "sentiment@1.checked", encoding: .utf8)
        let words = checked.split(separator: " ").map(String.init)
        try #require(words.count == 2)
        let (bundle, code) = (words[0], words[1])
        // The form of old servers, another's code, and the code of a note of another kind.
        for code in ["", " " + String(repeating: "00", count: 32) + "\n", " \(code)"] {
            let end = code.isEmpty ? "\n" : code
            for (kind, text) in [
                ("crashed", bundle), ("overrun", bundle), ("loading", bundle + " 3"),
            ] {
                try (text + end).write(
                    toFile: folder + "sentiment@1.\(kind)",
                    atomically: true,
                    encoding: .utf8
                )
            }
            try with { notes, version in
                #expect(!notes.hasCrashed(version) && !notes.hasOverrun(version))
                #expect(notes.crashes(of: version) == 0)
                #expect(notes.isChecked(version))
            }
        }
        try "\(bundle)\n".write(
            toFile: folder + "sentiment@1.checked",
            atomically: true,
            encoding: .utf8
        )
        try with { notes, version in #expect(!notes.isChecked(version)) }
    }
}
