// SPDX-License-Identifier: Apache-2.0

// The question of Amazon SNS whether a topic may be sent here, signed by a key of the tests' own, whose certificate nobody trusts.

enum SNSConfirmation {
    static let topic = "arn:aws:sns:eu-central-1:123456789012:orders"
    static let subscribeURL = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t-1"
    static let certificateURL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"

    static let message = """
        {"Type": "SubscriptionConfirmation", "MessageId": "m-1", "Token": "t-1",
         "TopicArn": "\(topic)", "Message": "You have chosen to subscribe.",
         "SubscribeURL": "\(subscribeURL)", "Timestamp": "2026-11-26T01:02:03.000Z",
         "SignatureVersion": "2", "SigningCertURL": "\(certificateURL)",
         "Signature": "\(signature)"}
        """

    static let signature = """
        H/8FTrKPTkFxGSSKClSxSpLS+iAhOQyz0m5sOvh9f/OubhTpyigL68kSFJOHX7K4QFmVOJmCjUcb\
        CAfoKq68eaRg/nFWFlmEr6TkYvgsn7V1RcqF8RltyrC4yFxlmLe2m6BKpR3B/JQAon3ffRAdmP+/\
        +M8NB1VzZWibO3l/2hRfVzXKyGDlBS+RFRkzzZf/uer7eyjq3k4F8PvQZMhsM6EpW7z2PLZAmsX9\
        bzwUzRH/90aKqgVOlrudfaQTD19AXum253nY0eNpIRuONWHyCZKkGiekP2ZT3lLheNxnHbnCcwXc\
        GKqM8HFn36i+zTybcmpLde9Dnfap5lFopwjp/A==
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
