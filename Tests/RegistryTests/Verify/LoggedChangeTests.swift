import Testing

@testable import Registry

@Suite("What an event of the audit log says")
struct LoggedChangeTests {
    private func alias(
        _ reason: String = "",
        _ overrides: MoveOverrides = MoveOverrides()
    ) -> LoggedChange.Alias {
        LoggedChange.Alias(
            name: "live",
            version: 2,
            generation: 7,
            overrides: overrides,
            reason: reason
        )
    }

    @Test("the checks that a move passes over are read, and told from its reason")
    func overrides() {
        let plain = "live from 2, generation 7"
        for (text, overrides) in [
            (", allow_signature_change", MoveOverrides(allowsSignatureChange: true)),
            (", force", MoveOverrides(isForced: true)),
            (
                ", allow_signature_change, force",
                MoveOverrides(allowsSignatureChange: true, isForced: true)
            ),
        ] {
            #expect(
                LoggedChange(action: "alias.set", detail: plain + text)
                    == .asked(alias("", overrides), isRollback: false)
            )
            #expect(
                LoggedChange(action: "alias.set", detail: "\(plain)\(text): , force")
                    == .asked(alias(", force", overrides), isRollback: false)
            )
            for action in ["rollback", "alias.served"] {
                #expect(LoggedChange(action: action, detail: plain + text) == nil)
            }
        }
        #expect(
            LoggedChange(action: "alias.set", detail: "\(plain): , force")
                == .asked(alias(", force"), isRollback: false)
        )
        for text in [", force, allow_signature_change", ", forced", ", force, force"] {
            #expect(LoggedChange(action: "alias.set", detail: plain + text) == nil)
        }
    }

    @Test("a move is read, whatever its reason is")
    func moves() {
        let plain = "live from 2, generation 7"
        #expect(
            LoggedChange(action: "alias.set", detail: plain)
                == .asked(alias(), isRollback: false)
        )
        #expect(
            LoggedChange(action: "rollback", detail: plain) == .asked(alias(), isRollback: true)
        )
        #expect(LoggedChange(action: "alias.served", detail: plain) == .served(alias()))
        for reason in ["x", ": from 1, generation 3", "a\nb", "\u{301}"] {
            #expect(
                LoggedChange(action: "rollback", detail: "\(plain): \(reason)")
                    == .asked(alias(reason), isRollback: true)
            )
        }
        #expect(
            LoggedChange(action: "alias.rejected", detail: "live stays at 2, generation 7: why")
                == .rejected(alias("why"))
        )
        #expect(
            LoggedChange(action: "alias.rejected", detail: "live stays at 2, generation 7: ")
                == .rejected(alias())
        )
        #expect(
            LoggedChange(action: "alias.delete", detail: "live, generation 7")
                == .aliasDeleted(name: "live", generation: 7)
        )
    }

    @Test("a version's events are read, and those that change no compared table are passed over")
    func versions() {
        #expect(LoggedChange(action: "publish", detail: "2 files, 9 bytes") == .published)
        #expect(LoggedChange(action: "version.delete", detail: "") == .versionDeleted)
        #expect(LoggedChange(action: "version.validate", detail: "") == .versionValidated)
        #expect(LoggedChange(action: "version.validate", detail: "x") == nil)
        #expect(
            LoggedChange(action: "version.reject", detail: "no") == .versionRejected(reason: "no")
        )
        for action in ["init", "collect", "key.rotate", "repair", "restore.accept", "later"] {
            #expect(LoggedChange(action: action, detail: "x") == .other)
        }
    }

    @Test(
        "a detail of another form is none",
        arguments: [
            ("alias.set", ""), ("alias.set", "live"), ("alias.set", "live from , generation 7"),
            ("alias.set", "live from 2, generation"), ("alias.set", "Live from 2, generation 7"),
            ("alias.set", "live from 2, generation 7 x"),
            ("alias.set", "live from -2, generation 7"),
            ("alias.set", "live from 18446744073709551616, generation 7"),
            ("alias.served", "live stays at 2, generation 7"),
            ("alias.rejected", "live from 2, generation 7"),
            ("alias.delete", "live, generation 7: x"), ("alias.delete", " , generation 7"),
        ]
    )
    func malformed(action: String, detail: String) {
        #expect(LoggedChange(action: action, detail: detail) == nil)
    }
}
