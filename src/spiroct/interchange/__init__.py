"""Results as other systems read them: DICOM objects beside the scan they come from, and a FHIR bundle."""
