"""What calls to a contact centre are about: topics, their parts, and the words that speak of them."""

TOPICS: dict[str, dict[str, str]] = {
    "Billing": {
        "Charges": "charge bill fee invoice statement surcharge overcharge tax balance cost price rate",
        "Payments": "payment installment autopay due deposit direct_debit past_due billing_cycle late_fee",
        "Refunds": "refund reimbursement credit chargeback rebate adjustment",
        "Discounts": "discount promotion coupon offer deal voucher promo",
    },
    "Cards and banking": {
        "Cards": "card visa mastercard amex debit credit_card debit_card cvv expiration",
        "Accounts": "checking savings bank transfer wire overdraft routing withdrawal atm branch transaction",
        "Loans": "loan mortgage interest lender refinance credit_score debt collection finance",
        "Fraud": "fraud scam dispute identity theft phishing",
    },
    "Account": {
        "Access": "password login username account sign-in email_address profile verification pin",
        "Personal details": "address birth identification social_security passport license",
    },
    "Subscription": {
        "Plans": "plan subscription package upgrade downgrade membership tier bundle data_plan",
        "Contract": "contract renewal term agreement commitment",
        "Cancellation": "cancellation cancel termination competitor switch",
    },
    "Internet and network": {
        "Connection": "internet connection broadband outage fiber network bandwidth speed latency line",
        "Equipment": "router modem wifi wi-fi cable gateway antenna ethernet",
        "Mobile": "roaming signal sim coverage data text voicemail mobile carrier wireless phone_number",
        "Television": "tv television channel streaming remote box satellite",
    },
    "Technical support": {
        "Devices": "phone laptop computer tablet screen printer battery device charger hardware camera",
        "Software": "app application software update browser website program error crash bug install",
        "Troubleshooting": "reset restart reboot technician troubleshooting diagnostics setting test light",
    },
    "Orders and delivery": {
        "Orders": "order purchase item product catalog stock cart store size color model",
        "Shipping": "delivery shipment package parcel shipping courier tracking tracking_number warehouse",
        "Returns": "return exchange replacement warranty defect damage label repair",
    },
    "Insurance": {
        "Claims": "claim accident damage adjuster deductible police collision",
        "Policies": "policy coverage premium insurance quote beneficiary copay underwriting",
    },
    "Health": {
        "Appointments": "doctor appointment clinic nurse hospital dentist patient visit referral",
        "Treatment": "prescription medication pharmacy symptom pain surgery dose treatment blood vaccine",
    },
    "Travel": {
        "Flights": "flight airline airport luggage baggage seat ticket boarding layover passenger",
        "Lodging": "hotel room reservation booking check-in suite guest stay resort",
        "Vehicles": "car rental vehicle driver mileage tire engine brake dealership mechanic",
    },
    "Home and energy": {
        "Energy": "electricity gas meter power solar energy utility kilowatt panel heating furnace",
        "Property": "house apartment rent landlord tenant lease property real_estate roof plumbing kitchen",
    },
    "Customer service": {
        "Complaints": "complaint manager supervisor frustration inconvenience apology escalation mistake",
        "Scheduling": "appointment schedule callback reschedule availability visit window",
        "Security check": "verification confirmation_number security reference case ticket",
    },
    "Work and education": {
        "Employment": "job interview salary resume employer payroll employee position benefit",
        "Education": "school student tuition course degree enrollment university class teacher",
    },
}
"""Topic, part, its words as lemmas; a word with an underscore is a phrase."""
