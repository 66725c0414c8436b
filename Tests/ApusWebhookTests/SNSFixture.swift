// SPDX-License-Identifier: Apache-2.0

// A key and a certificate of the tests' own; nobody trusts them.

enum SNSFixture {
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCksgtjpqgiXLXh
        473tyWU1gtDq+6rk7kytfT4w01EhpBQjM8XuyqEvSpb4aZmb3JlQnFR9VGOaGOF+
        bJCeWKI7QewBysGd4S00sRNkYDvAYQxwtFj6VzgTnMJ3EhGzZXI/nBNfcEdZZdF3
        /uxabmZN2YYjLToQPuWw3sVciiRgTAwmV25u6jI4bi1t29ke5RykH5RiDz7hjQ+q
        XQTkr3njkAXtcQD99L2TyXZwyZp20FJWgpKB9tun89IVPFPtIOSo+rYzuqzHm/F9
        kK4youd5yK6ca5PaHb/Vb6qifEvYUC47uh9eGD5JE6Lr+K62QZwtUJz57yI2UsF8
        vUiMMrrZAgMBAAECggEAO0gzPU1x29yPQ54ccYk6uwY5eTvZicoVI6WfSyflXjyX
        Wwx5xLh/SGyK5yPrvOSs8w0yhGJp77/g+wbND5JL4xSZhROcmd3BzeOnXUwedeL4
        /WCNXp8iejzE6uNAJ9juRONDPelGZXF28sB6BxsSDBeuZt8StWJOf1nQpLy810Q0
        OAHxPcUgeO6jUWrrIPzCtFIDhHi7O+5qhyDudYGeNJX4JnUmSLRXno2v23XmC8X9
        Nypxgj7RUSALkqvsGViV5BIgK+XI/BOTSveaG+uz4Jx/OYaT77W5SXlBDJzbDIUg
        IzDTgR5PKKoLXxT0Rl2FiSnqtxnfSVWBmtGOTqIsuQKBgQDb54CC/X3/LpxC8PRw
        WtbtjXRBuBLcMqTTTvRPnCwxqluH5XLXvY4rEu7NcKw4A9eW/1xWjNo/+LJ++6jD
        9ALHEecMZwRQVgRbgwdhP3plYyyLdBbnvKRbORU1z0ALIWQJwnJjhEs7zVXfCdSn
        G0GzcDyh1IeWyu4f9IboRR+k5wKBgQC/uqNWUTWynU8f0HZTK9h9xqNso3jRf0rK
        BlWzJsimzsmzOS6TMOAcnluI4zqwwtek3TgnjFIdEDxvAO0P0Xp/Hw2KQ2mgo7j5
        P1QisnXXk9EebQE0Qww14/iWOq2d9lF4ynFxCY1Iji08squZvyOimuv1wKA7Rlt2
        L3kw2iLqPwKBgGlUfrK/dr1m9wP9ZCf46t/IFHpyD96XB2oLdGw5ctWrMsJp/dMm
        gVVScT3IDUWbWYWC9RijyNpBZkX6hsCtPTNa+N9w7JkKSnYG0d8bx6WOlkSJq3r+
        WX80XVtz1MpACSm/kIjoUhzn4oy9qbUNEjA/v1sIcJWix+JYftH8YgbbAoGATrC5
        bSnzkhWCbhpPFh++wRCP7nzBj6pg9b3X2qmmXOAuZIKpnPvIX7aW9v3cDsRJYX7y
        Fzk+UnNhemW05nMhhZ8nHYJBjg7kUlgtnfgE6a/fek9e2SZTkqK4WmBG9bgtBBiC
        qtQyyn6gDnN+fqG2bHyNL9YZbXqY+07MvMIq5l0CgYByw+BXo8TBUqdXjBGFNXsB
        KilmvazTkSXkwHxaJove4HCWoh4NHuzJ4XKAUBdV0wFQo5LeGhI974Y0TTCEs6HB
        0jVeshMQYUEji4zN5o9YM25NYF1I4kkV7uIME0eXbUYQuF0T/YO2RZm3H9oxhUZK
        xNAPCUVzvHpFg40OczVPWg==
        -----END PRIVATE KEY-----
        """

    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIDUzCCAjugAwIBAgIUIWBnBqW/r7PRGi6udWLDMghvE/4wDQYJKoZIhvcNAQEL
        BQAwODELMAkGA1UEBhMCVVMxDTALBgNVBAoMBFRlc3QxGjAYBgNVBAMMEXNucy5h
        bWF6b25hd3MuY29tMCAXDTI2MTEyNjA2MTM1N1oYDzIxMjYxMTAyMDYxMzU3WjA4
        MQswCQYDVQQGEwJVUzENMAsGA1UECgwEVGVzdDEaMBgGA1UEAwwRc25zLmFtYXpv
        bmF3cy5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCksgtjpqgi
        XLXh473tyWU1gtDq+6rk7kytfT4w01EhpBQjM8XuyqEvSpb4aZmb3JlQnFR9VGOa
        GOF+bJCeWKI7QewBysGd4S00sRNkYDvAYQxwtFj6VzgTnMJ3EhGzZXI/nBNfcEdZ
        ZdF3/uxabmZN2YYjLToQPuWw3sVciiRgTAwmV25u6jI4bi1t29ke5RykH5RiDz7h
        jQ+qXQTkr3njkAXtcQD99L2TyXZwyZp20FJWgpKB9tun89IVPFPtIOSo+rYzuqzH
        m/F9kK4youd5yK6ca5PaHb/Vb6qifEvYUC47uh9eGD5JE6Lr+K62QZwtUJz57yI2
        UsF8vUiMMrrZAgMBAAGjUzBRMB0GA1UdDgQWBBTz/bE1ZjyNTKFQKb/Lp2g5kVx8
        WDAfBgNVHSMEGDAWgBTz/bE1ZjyNTKFQKb/Lp2g5kVx8WDAPBgNVHRMBAf8EBTAD
        AQH/MA0GCSqGSIb3DQEBCwUAA4IBAQADeWB3M8B95rlzvtzGZZTcOE9zHdy+4hM6
        mreF/UIpIElF0GmML8hwvoUnb6bnxYxPx5gJUCnC2tZad0Xev4DdTqjcvWWqDC9q
        gEtKnBcPI2d9tZL1B/BhF7mNAjZbucojgiS25KypzDLuP4hMcEpyZQCIn3vuTURO
        vr7+oOr+d/f6KOnvMLgrl1JWC7jcTiGVoXtlYMCMssoCakWjZkBuhyCTdtVID4OP
        BP8auwDJc9dxnIjvBX9xTLO0NAETx1lUjnAuFAxm+vQBjKdQuCvJAWZJFu8NaBuv
        QvCN4TL6vsktIOKpBjI2LTDR6B/m1GwiMBt/sA2iO2jqTL9/roYv
        -----END CERTIFICATE-----
        """
}
